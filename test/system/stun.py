#!/usr/bin/python3
"""What kind of NAT a STUN client (RFC 5780) finds: the kind that docs/operating.md names."""
import os
import re

from rig import topology
from rig.case import main

PORT = 3478
SERVERS = topology.SERVERS[:2]
DOCUMENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/operating.md")
QUESTIONS = {"mapping": "-m", "filtering": "-f"}  # options of turnutils_natdiscovery


def documented():
    """{"mapping": "address and port-dependent", ...} of the table "NAT type" in the document."""
    with open(DOCUMENT, encoding="utf-8") as file:
        rows = re.findall(r"^\| (mapping|filtering|hairpinning) \| ([^|]+) \|", file.read(), re.M)
    return {name: words.strip() for name, words in rows}


def _server(t, rig):
    """A STUN server with two addresses and two ports, as RFC 5780 wants it."""
    log = rig.ground.path("turnserver.log")
    both = [word for address in SERVERS for word in ("-L", address)]
    rig.outside.popen(
        "turnserver", "-n", "--stun-only", "--no-auth", "--no-cli", "--no-tls", "--no-dtls",
        "--no-tcp", "-p", str(PORT), *both, "-b", rig.ground.path("turndb"), "--log-file", log,
        "--simple-log", "--pidfile", rig.ground.path("turnserver.pid"), stdout=-3, stderr=-3)

    def listening():
        said = rig.outside.run("ss", "-ulnH").stdout
        return all("%s:%d" % (a, p) in said for a in SERVERS for p in (PORT, PORT + 1))
    t.eventually(listening, "turnserver listens on both addresses", within_s=10)


def _ask(namespace, address, *options):
    return namespace.run("turnutils_natdiscovery", *options, "-L", address, SERVERS[0],
                         timeout=60).stdout


def _plain(words):
    return re.sub(r"[^a-z]+", " ", words.lower()).strip()


def _kinds(said, name):
    return [_plain(kind) for kind in re.findall(r"NAT with (.*) %s" % name, said, re.I)]


def test_the_nat_type_is_the_documented_one(t):
    """Mapping and filtering, as a client behind the gateway sees them."""
    wanted = documented()
    rig = t.rig(nodes=1).start()
    _server(t, rig)
    for name, option in QUESTIONS.items():
        said = _ask(rig.pod().namespace, rig.pod().address, option)
        t.equal(_kinds(said, name), [_plain(wanted[name])], "%s in:\n%s" % (name, said))
    without = _ask(rig.outside, topology.OUTSIDE, QUESTIONS["mapping"])
    t.check("No NAT" in without, "a client outside finds a NAT:\n" + without)


def test_there_is_no_hairpin(t):
    """A pod that sends to its own mapped address gets nothing, and the drop has its name."""
    t.equal(documented()["hairpinning"], "none", "the document")
    rig = t.rig(nodes=1).start()
    _server(t, rig)
    said = _ask(rig.pod().namespace, rig.pod().address, "-H")
    t.equal(said.count("RFC 5780 response"), 1, "answers in:\n" + said)
    t.dropped(rig, "cluster-destination", 1)


if __name__ == "__main__":
    main()
