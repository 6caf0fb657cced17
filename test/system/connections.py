#!/usr/bin/python3
"""Very many short connections: a new one for every request, each closed by the server."""
import re

from rig import topology
from rig.case import main

CONNECTIONS = 300_000
SERVERS = topology.SERVERS[:5]
AT_ONCE = 16                     # of each client
SESSIONS = 512 * 1024            # closed ones stay for four minutes
PATIENCE_S = 240
# What may be dropped: what comes late, about a connection that is over.
LATE = {"bad-tcp-sequence", "bad-tcp-state", "no-session"}
MOST_LATE = CONNECTIONS // 100
NGINX = """
daemon off; worker_processes 1; pid %(folder)s/nginx.pid; error_log %(folder)s/nginx.log;
events { worker_connections 4096; }
http {
  access_log off; keepalive_timeout 0;
  client_body_temp_path %(folder)s/body; proxy_temp_path %(folder)s/proxy;
  fastcgi_temp_path %(folder)s/fastcgi; uwsgi_temp_path %(folder)s/uwsgi;
  scgi_temp_path %(folder)s/scgi;
  server { %(listen)s location / { return 200 "here\\n"; } }
}
"""


def _nginx(t, rig):
    """nginx on all servers' addresses; it closes each connection after its answer."""
    rig.outside.sysctl("net.core.somaxconn", 4096)
    rig.outside.sysctl("net.ipv4.tcp_max_tw_buckets", 2 * CONNECTIONS)
    path = rig.ground.path("nginx.conf")
    listen = " ".join("listen %s:80 backlog=4096;" % server for server in SERVERS)
    with open(path, "w", encoding="ascii") as file:
        file.write(NGINX % {"folder": rig.ground.folder, "listen": listen})
    rig.outside.popen("nginx", "-c", path, "-e", rig.ground.path("nginx.log"), stdout=-3)

    def listening():
        said = rig.outside.run("ss", "-tlnH").stdout
        return all("%s:80 " % server in said for server in SERVERS)
    t.eventually(listening, "nginx listens", within_s=10)


def _clients(rig):
    """A client of a pod on each node for each server."""
    pods = [rig.pod("payments", 1), rig.pod("web", 2)]
    each = CONNECTIONS // (len(pods) * len(SERVERS))
    for pod in pods:
        pod.namespace.sysctl("net.ipv4.ip_local_port_range", "1024 65535")
        for server in SERVERS:
            yield pod.namespace.popen(
                "ab", "-q", "-n", str(each), "-c", str(AT_ONCE), "-B", pod.address, "-s", "30",
                "http://%s/" % server, stdout=-1, stderr=-2, text=True)


def test_300000_short_connections_without_a_failure(t):
    """Every request is answered; no port and no session was wanting, nothing was lost."""
    rig = t.rig(nodes=2, only_odd=True).start(sessions={"max": SESSIONS})
    _nginx(t, rig)
    answered = 0
    for client in list(_clients(rig)):
        said = client.communicate(timeout=PATIENCE_S)[0]
        t.equal(client.returncode, 0, "exit of ab:\n" + said)
        t.check(re.search(r"Failed requests:\s+0\n", said), "ab:\n" + said)
        t.check("Non-2xx" not in said, "ab:\n" + said)
        answered += int(re.search(r"Complete requests:\s+(\d+)", said).group(1))
    t.equal(answered, CONNECTIONS, "requests that were answered")
    counters, drops = rig.gateway.counters(), rig.gateway.drops()
    t.check(counters["session.created"] >= CONNECTIONS, "only %d sessions were created" %
            counters["session.created"])
    t.equal(sorted(set(drops) - LATE), [], "what was dropped: %s" % drops)
    t.check(sum(drops.values()) <= MOST_LATE, "too much came late: %s" % drops)


if __name__ == "__main__":
    main()
