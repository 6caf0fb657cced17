"""A real DNS server (dnsmasq) for the gateway's host: its records change, and it can be away."""
import signal
import socket
import time

ADDRESS, PORT = "127.0.0.1", 53
PATIENCE_S = 10.0
DOMAIN = "example.com"
# A mount namespace of its own, so that the gateway alone reads this file as /etc/resolv.conf.
MOUNTED = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'


class Dns:
    """Serves names under `DOMAIN` in one network namespace; others there do not exist."""

    def __init__(self, ground, namespace, ttl_s=1):
        self._ground, self._namespace, self._ttl_s = ground, namespace, ttl_s
        self._hosts = ground.path("dns.hosts")
        self.resolv_conf = ground.path("resolv.conf")
        self._process = None
        with open(self.resolv_conf, "w", encoding="ascii") as file:
            file.write("nameserver %s\n" % ADDRESS)
        self.serve()
        self.start()

    def around(self):
        """The command that executes the gateway so that it asks this server."""
        return "unshare", "--mount", "sh", "-c", MOUNTED, self.resolv_conf

    def serve(self, **records):
        """From now on these: api=["203.0.113.10", ...] for api.example.com, and nothing else."""
        with open(self._hosts, "w", encoding="ascii") as file:
            for name, addresses in records.items():
                for address in addresses:
                    file.write("%s %s.%s\n" % (address, name, DOMAIN))
        if self._process is not None:
            self._process.send_signal(signal.SIGHUP)

    def start(self):
        """Returns when it answers: a signal that comes before would end it."""
        self._process = self._namespace.popen(
            "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--pid-file=",
            "--no-resolv", "--no-hosts", "--addn-hosts=" + self._hosts, "--user=root",
            "--local=/%s/" % DOMAIN, "--local-ttl=%d" % self._ttl_s, "--bind-interfaces",
            "--listen-address=" + ADDRESS, "--log-facility=" + self._ground.path("dns.log"))
        end = time.monotonic() + PATIENCE_S
        while True:
            with self._namespace.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
                if sock.connect_ex((ADDRESS, PORT)) == 0:
                    return
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("dnsmasq did not come up (exit %s)" % self._process.returncode)
            time.sleep(0.02)

    def stop(self):
        self._ground.stop(self._process)
        self._process = None
