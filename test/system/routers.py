#!/usr/bin/python3
"""Egress routers: real programs through redirects and fallbacks, refusals, and what changes do."""
from rig import frames, topology
from rig.case import main

LISTEN, SOURCE = "172.30.0.10", "192.0.2.70"
ALL_LISTEN, ALL_SOURCE = "172.30.0.11", "192.0.2.71"
SERVER, OTHER = topology.SERVERS[0], topology.SERVERS[1]
HTTP_PORT = 8080
CURL_REFUSED, CURL_TIMED_OUT = 7, 28


def _db(*lines, **over):
    """The router that leads port 80 to the server's port 8080, and more lines."""
    return {"name": "db", "namespaces": ["payments"], "listen": LISTEN, "source": SOURCE,
            "destinations": ["80 tcp %s %d" % (SERVER, HTTP_PORT), *lines], **over}


def _all(fallback=SERVER, **over):
    return {"name": "all", "namespaces": ["payments", "web"], "listen": ALL_LISTEN,
            "source": ALL_SOURCE, "destinations": "# everything\n%s\n" % fallback, **over}


def _closed(**over):
    """Settings under which nothing leaves but through routers."""
    return {"firewall": {"default": "deny"}, **over}


def _who(rig, address=SERVER, port=HTTP_PORT):
    """An HTTP server that tells its clients their address."""
    rig.http(lambda client: b"%s at %s" % (client.encode(), address.encode()), address, port)


def _curl(pod, address, port=80, timeout_s=5):
    """(exit status, what curl printed)"""
    ran = pod.run("curl", "-sS", "--max-time", str(timeout_s), "--interface", pod.address,
                  "http://%s:%d/" % (address, port), check=False, timeout=timeout_s + 5)
    return ran.returncode, ran.stdout + ran.stderr


def _ncat(pod, address, port, *options):
    """(exit status, what ncat printed) after one message; it hangs up a second later."""
    line = " ".join(("ncat", "-n", "-s", pod.address, *options, address, str(port)))
    ran = pod.run("sh", "-c", "{ printf hello; sleep 1; } | " + line, check=False, timeout=15)
    return ran.returncode, ran.stdout + ran.stderr


def test_curl_and_ncat_through_a_redirect(t):
    """A line with a remote port and one without; the server sees the router's source; the firewall
    that lets nobody out is not asked."""
    rig = t.rig().start(**_closed(egress_routers=[
        _db("7007 udp %s" % SERVER, "7070 tcp %s 7007" % SERVER)]))
    _who(rig)
    server = rig.echo()
    for node in (1, 2):
        pod = rig.pod("payments", node)
        t.equal(_curl(pod, LISTEN), (0, "%s at %s" % (SOURCE, SERVER)), "curl")
        said = _ncat(pod, LISTEN, 7007, "-u")[1]
        t.check(said.startswith(SOURCE + "|") and "hello" in said, "ncat by UDP: " + said)
        said = _ncat(pod, LISTEN, 7070)[1]
        t.check(said.startswith(SOURCE + "|") and "hello" in said, "ncat by TCP: " + said)
    t.equal(server.seen, {SOURCE}, "what the server saw")
    t.check(t.silent(rig.pod(), server), "a pod got past the firewall")
    t.dropped(rig, "firewall-default")


def test_what_no_line_matches_is_refused_aloud(t):
    """Connection refused for curl, port unreachable for ncat and ping; the other protocol of a
    line's port is no match either."""
    rig = t.rig(nodes=1).start(**_closed(egress_routers=[_db("7007 udp %s" % SERVER)]))
    _who(rig)
    pod = rig.pod()
    for port in (81, 7007):
        status, said = _curl(pod, LISTEN, port)
        t.check(status == CURL_REFUSED, "curl to port %d: %d %s" % (port, status, said))
    for port in (9, 80):
        status, said = _ncat(pod, LISTEN, port, "-u")
        t.check(status and "refused" in said, "ncat to port %d: %s" % (port, said))
    ping = pod.run("ping", "-n", "-c", "1", "-W", "2", "-I", pod.address, LISTEN, check=False)
    t.check("From %s icmp_seq=1 Destination Port Unreachable" % LISTEN in ping.stdout, ping.stdout)
    t.dropped(rig, "router-no-rule", 5)
    t.equal([p for p in rig.left() if p.kind == frames.ETH_IP], [], "what left by the uplink")


def test_others_may_not_use_it(t):
    """A namespace that the router does not name and platform traffic: router-denied, in silence."""
    rig = t.rig(nodes=1)
    model = rig.model(**_closed(egress_routers=[_db()]))
    model["nodes"][0]["addresses"] = [rig.nodes[0].vtep]
    rig.start(**model)
    _who(rig)
    status, said = _curl(rig.pod("web"), LISTEN, timeout_s=1)
    t.check(status == CURL_TIMED_OUT, "curl of web: %d %s" % (status, said))
    t.dropped(rig, "router-denied")
    before = rig.gateway.drops()["router-denied"]
    rig.node_wire().send(rig.tunnelled(
        frames.udp(rig.nodes[0].vtep, LISTEN, 123, 80, b"time")))
    t.dropped(rig, "router-denied", before + 1)
    t.check(all(not p.inner() or p.inner().src != LISTEN for p in rig.tunnelled_back()),
            "the gateway answered")


def test_fallback_carries_every_port_and_ping(t):
    """Ports without a line go to the fallback unchanged, by UDP and TCP; ping answers."""
    rig = t.rig(nodes=1).start(**_closed(egress_routers=[_all()]))
    server = rig.echo()
    pod, listen = rig.pod(), rig.echo(port=7008)
    listen.address = server.address = ALL_LISTEN
    for each in (server, listen):
        t.equal(t.ask(pod, each)[0], ALL_SOURCE, "by UDP to port %d" % each.port)
        sock, seen = t.dial(pod, each)
        sock.close()
        t.equal(seen, ALL_SOURCE, "by TCP to port %d" % each.port)
    ping = pod.run("ping", "-n", "-c", "3", "-i", "0.2", "-W", "3", "-I", pod.address, ALL_LISTEN)
    t.check("3 received" in ping.stdout, ping.stdout)
    t.equal({p.ident is not None and p.src for p in rig.left() if p.type == 8}, {ALL_SOURCE},
            "sources of echo requests")


def test_traceroute_through_the_fallback(t):
    """The gateway answers as `listen`, the router on the way as itself, the server as `listen`."""
    rig = t.rig(nodes=1, far=True).start(
        **_closed(egress_routers=[_all(topology.FAR_SERVER)]))
    pod = rig.pod()
    hops = [ALL_LISTEN, topology.OUTSIDE, ALL_LISTEN]
    for way in ("-U", "-I"):
        said = pod.run("traceroute", "-n", way, "-q", "1", "-w", "2", "-m", "5", "-s", pod.address,
                       ALL_LISTEN, timeout=30).stdout
        seen = [line.split()[1] for line in said.splitlines()[1:]]
        # A traceroute that knows its target's answer stops there: the first hop is one already.
        t.check(seen == hops or seen == hops[:1], "hops of traceroute %s: %s" % (way, said))
    wire = rig.node_wire()
    for ttl, source in ((1, ALL_LISTEN), (2, topology.OUTSIDE), (9, ALL_LISTEN)):
        raw = rig.pod("raw")
        wire.send(rig.tunnelled(
            frames.udp(raw.address, ALL_LISTEN, 5000 + ttl, 33434, b"probe", ttl=ttl)))
        back = wire.wait(lambda p: p.inner() is not None and p.inner().is_icmp_error)
        t.check(back is not None, "no answer to a probe with TTL %d" % ttl)
        quoted = back.inner().quoted()
        t.equal((back.inner().src, quoted.src, quoted.dst, quoted.sport, quoted.dport),
                (source, raw.address, ALL_LISTEN, 5000 + ttl, 33434), "TTL %d" % ttl)


def test_one_remote_by_egress_ip_and_by_router(t):
    """A pod talks to one server directly and through the router at once, from the same port: the
    server sees two clients, and each gets its own answers."""
    rig = t.rig(nodes=1).start(egress_routers=[_db("7007 udp %s" % SERVER)])
    server, pod = rig.echo(), rig.pod()
    with pod.udp(5555) as sock:
        for turn in range(5):
            for address, source in ((SERVER, topology.PAYMENTS_IP), (LISTEN, SOURCE)):
                message = b"%d to %s" % (turn, address.encode())
                sock.sendto(message, (address, server.port))
                answer, sender = sock.recvfrom(2048)
                t.equal((sender[0], answer.split(b"|")[0].decode(), answer.split(b"|")[2]),
                        (address, source, message), "the answer")
    t.equal(rig.gateway.call("sessions.count")["count"], 2, "sessions")


def test_sessions_and_lists_tell_both_destinations(t):
    """sessions.list: dialled and translated; egress_routers.list: configured and live; counters."""
    rig = t.rig(nodes=1).start(egress_routers=[_db("7070 tcp %s 7007" % SERVER), _all()])
    server, pod = rig.echo(), rig.pod()
    server.address, server.port = LISTEN, 7070
    sock, _ = t.dial(pod, server)
    row, = rig.gateway.call("sessions.list", filter="dst %s" % LISTEN)["rows"]
    own = sock.getsockname()[1]
    t.equal(row["original"], {"src": pod.address, "sport": own, "dst": LISTEN, "dport": 7070},
            "original")
    translated = row["translated"]
    t.equal((translated["src"], translated["dst"], translated["dport"]), (SOURCE, SERVER, 7007),
            "translated")
    listed, = rig.gateway.call("egress_routers.list", name="db")["rows"]
    t.equal((listed["listen"], listed["source"], listed["mode"], listed["sessions"],
             listed["state"], listed["ports_used"]["tcp"]),
            (LISTEN, SOURCE, "redirect", 1, "active", 1), "the list's row")
    t.equal(listed["destinations"][1], "7070 tcp %s 7007" % SERVER, "its lines")
    t.check(listed["packets"]["out"] >= 2 and listed["bytes"]["in"] > 0, "traffic: %s" % listed)
    t.equal(rig.gateway.counters()["nat.ports_used.%s.tcp" % SOURCE], 1, "ports in use")
    t.equal(rig.gateway.call("sessions.delete", filter="egress %s" % SOURCE)["count"], 1, "deleted")
    sock.close()


def _goes_on(sock):
    try:
        sock.settimeout(0.7)
        sock.sendall(b"ping")
        return sock.recv(100) == b"ping"
    except OSError:
        return False


def test_changes_under_live_connections(t):
    """Connections live over a change of their line; they end with their router, and when its source
    becomes a namespace's."""
    line = "7070 tcp %s 7007"
    rig = t.rig(nodes=1).start(egress_routers=[_db(line % SERVER)])
    first, second, pod = rig.echo(), rig.echo(OTHER), rig.pod()
    first.address, first.port = LISTEN, 7070
    sock, _ = t.dial(pod, first)
    rig.apply(egress_routers=[_db(line % OTHER), _all()])
    t.check(_goes_on(sock), "the connection ended with its line")
    second.seen.clear()
    other, seen = t.dial(pod, first)
    t.equal((seen, second.seen), (SOURCE, {SOURCE}), "a new connection")
    other.close()
    rig.apply(egress_routers=[_all()])
    t.check(not _goes_on(sock), "the connection outlived its router")
    rig.apply(egress_routers=[_db(line % SERVER)])
    t.check(not _goes_on(sock), "the connection came back to life")
    sock.close()
    sock, _ = t.dial(pod, first)
    rig.apply(egress_routers=[],
              egress_ips=[{"name": "web-out", "namespaces": ["web"], "addresses": [SOURCE]}])
    t.check(not _goes_on(sock), "payments still use what is web's now")
    sock.close()


def test_listen_is_found_on_the_link(t):
    """A node that has `listen` on its tunnel's link asks for its MAC address and gets it."""
    rig = t.rig(nodes=1).start(**_closed(egress_routers=[_db()]))
    _who(rig)
    rig.nodes[0].namespace.ip("route add %s/32 dev vx0" % LISTEN)
    t.equal(_curl(rig.pod(), LISTEN), (0, "%s at %s" % (SOURCE, SERVER)), "curl")


def test_many_routers(t):
    """A thousand routers; the first, one in the middle and the last work."""
    count = 1000
    def name(number):
        return "172.30.%d.%d" % (8 + number // 250, 1 + number % 250)
    routers = [{"name": "r%d" % number, "namespaces": ["payments"], "listen": name(number),
                "source": "198.51.%d.%d" % (100 + number // 250, 1 + number % 250),
                "destinations": ["%d tcp %s 7007" % (1000 + number, SERVER), OTHER]}
               for number in range(count)]
    rig = t.rig(nodes=1)
    rig.outside.ip("route add 198.51.100.0/22 via %s dev e0" % topology.UPLINK)
    rig.start(**_closed(egress_routers=routers, egress_ips=[]))
    server, pod = rig.echo(), rig.pod()
    for number in (0, count // 2, count - 1):
        server.address, server.port = name(number), 1000 + number
        sock, seen = t.dial(pod, server)
        t.equal(seen, routers[number]["source"], "router %d" % number)
        sock.close()


if __name__ == "__main__":
    main()
