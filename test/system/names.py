#!/usr/bin/python3
"""Host names: dns-proxy lines and firewall rules follow a real DNS server and outlive it."""
from rig import frames, topology
from rig.case import main

LISTEN, SOURCE = "172.30.0.10", "192.0.2.70"
OLD, NEW = topology.SERVERS[0], topology.SERVERS[1]
HTTP_PORT = 8080
RESOLVED_S = 15.0       # TTLs are a second; a machine under load takes its time


def _proxy(*lines, **over):
    return {"name": "names", "namespaces": ["payments"], "listen": LISTEN, "source": SOURCE,
            "mode": "dns-proxy",
            "destinations": lines or ["80 db.example.com %d" % HTTP_PORT], **over}


def _who(rig, *addresses):
    """HTTP servers that tell who asked and who they are."""
    for address in addresses:
        rig.http(lambda client, own=address: b"%s at %s" % (client.encode(), own.encode()),
                 address, HTTP_PORT)


def _curl(pod, address=LISTEN, port=80, timeout_s=3):
    """What curl printed; its error where there was no answer."""
    ran = pod.run("curl", "-sS", "--max-time", str(timeout_s), "--interface", pod.address,
                  "http://%s:%d/" % (address, port), check=False, timeout=timeout_s + 5)
    return ran.stdout or ran.stderr


def _known(rig, method="egress_routers.list"):
    """What the rows say of names: {name: (state, addresses)}."""
    rows = rig.gateway.call(method)["rows"]
    return {entry["name"]: (entry["state"], entry["addresses"])
            for row in rows for entry in row.get("names", [])}


def _resolved(t, rig, name, addresses, method="egress_routers.list"):
    t.eventually(lambda: _known(rig, method).get(name) == ("resolved", sorted(addresses)),
                 "%s resolved to %s, known is %s" % (name, addresses, _known(rig, method)),
                 RESOLVED_S)


def _complaint(rig, name):
    return next((text for text in rig.gateway.call("status")["attention"]
                 if "the name %s " % name in text), None)


def _left(rig):
    return [packet for packet in rig.left() if packet.kind == frames.ETH_IP]


def _at(server):
    return "%s at %s" % (SOURCE, server)


def test_new_sessions_follow_the_name_and_live_ones_stay(t):
    """The record changes: after its TTL curl comes to the new address; a TCP connection that stood
    before goes on to the old one."""
    rig = t.rig(nodes=1, dns=True)
    rig.dns.serve(db=[OLD])
    rig.start(egress_routers=[
        _proxy("# the database", "80 db.example.com %d" % HTTP_PORT, "7007 DB.Example.com",
               "8081 %s %d" % (NEW, HTTP_PORT))])
    _who(rig, OLD, NEW)
    echo = rig.echo(OLD)
    echo.address = LISTEN
    _resolved(t, rig, "db.example.com", [OLD])
    pod = rig.pod()
    t.equal(_curl(pod), _at(OLD), "curl by the name")
    t.equal(_curl(pod, port=8081), _at(NEW), "curl by a line with an address")
    live, seen = t.dial(pod, echo)
    t.equal(seen, SOURCE, "the connection's source")
    generation = rig.gateway.call("status")["generation"]
    rig.dns.serve(db=[NEW])
    _resolved(t, rig, "db.example.com", [NEW])
    t.eventually(lambda: _curl(pod) == _at(NEW), "curl reaches the new address", RESOLVED_S)
    live.sendall(b"still there?")
    t.equal(live.recv(64), b"still there?", "the connection from before")
    live.close()
    t.equal(rig.gateway.call("status")["generation"], generation, "a name changes by itself")


def test_sessions_are_spread_over_all_addresses(t):
    """A name with two addresses: connections of one pod come to both."""
    rig = t.rig(nodes=1, dns=True)
    rig.dns.serve(db=[OLD, NEW])
    rig.start(egress_routers=[_proxy("%d db.example.com" % topology.ECHO_PORT)])
    servers = [rig.echo(OLD), rig.echo(NEW)]
    _resolved(t, rig, "db.example.com", [OLD, NEW])
    servers[0].address = LISTEN
    for _ in range(40):
        t.dial(rig.pod(), servers[0])[0].close()
    t.equal([server.seen for server in servers], [{SOURCE}, {SOURCE}], "what both servers saw")


def test_the_last_answer_outlives_the_server(t):
    """The server dies, and later denies the name: traffic goes on, status says so; it comes back
    with another address, and that one counts."""
    rig = t.rig(nodes=1, dns=True)
    rig.dns.serve(db=[OLD])
    rig.start(egress_routers=[_proxy()])
    _who(rig, OLD, NEW)
    _resolved(t, rig, "db.example.com", [OLD])
    rig.dns.stop()
    text = t.eventually(lambda: _complaint(rig, "db.example.com"), "an attention line", RESOLVED_S)
    t.check("its last answer stays in use (1 address)" in text, text)
    t.equal(_known(rig)["db.example.com"], ("failing", [OLD]), "what is known")
    t.equal(_curl(rig.pod()), _at(OLD), "curl without a server")
    rig.dns.serve()
    rig.dns.start()
    t.eventually(lambda: "does not exist" in (_complaint(rig, "db.example.com") or ""),
                 "status says that the name is gone", 40.0)
    t.equal(_curl(rig.pod()), _at(OLD), "curl by a name that is gone")
    t.check(rig.gateway.counters()["names.failed"] > 0, "failures are counted")
    rig.dns.serve(db=[NEW])
    t.eventually(lambda: _known(rig)["db.example.com"] == ("resolved", [NEW]), "it is back", 40.0)
    t.eventually(lambda: _curl(rig.pod()) == _at(NEW), "curl reaches it", RESOLVED_S)
    t.equal(_complaint(rig, "db.example.com"), None, "no more attention")


def test_a_name_that_was_never_resolved(t):
    """Silence, a reason of its own and an attention line; once the name is there, it works."""
    rig = t.rig(nodes=1, dns=True).start(egress_routers=[_proxy()])
    _who(rig, OLD)
    t.eventually(lambda: _complaint(rig, "db.example.com"), "an attention line", RESOLVED_S)
    t.equal(_known(rig)["db.example.com"], ("unresolved", []), "what is known")
    said = _curl(rig.pod(), timeout_s=1)
    t.check("timed out" in said.lower(), "curl: " + said)
    t.dropped(rig, "name-unresolved")
    t.equal(_left(rig), [], "what left by the uplink")
    rig.dns.serve(db=[OLD])
    t.eventually(lambda: _known(rig)["db.example.com"] == ("resolved", [OLD]), "resolved", 40.0)
    t.eventually(lambda: _curl(rig.pod()) == _at(OLD), "curl reaches it", RESOLVED_S)


def test_a_name_never_leads_inside(t):
    """A name that comes to stand for what is inside, or for nobody, leads nowhere."""
    rig = t.rig(nodes=1, dns=True)
    rig.dns.serve(db=["10.128.0.12"], loop=["127.0.0.1"])
    rig.start(egress_routers=[_proxy("80 db.example.com", "81 loop.example.com")])
    _resolved(t, rig, "db.example.com", ["10.128.0.12"])
    _resolved(t, rig, "loop.example.com", ["127.0.0.1"])
    for port, reason in ((80, "cluster-destination"), (81, "bad-address")):
        def refused(to=port, why=reason):
            _curl(rig.pod(), port=to, timeout_s=1)
            return rig.gateway.drops().get(why)
        t.eventually(refused, "%s through port %d" % (reason, port), RESOLVED_S)
    t.equal(_left(rig), [], "what left by the uplink")


def test_a_reload_reads_resolv_conf_again(t):
    """The gateway's host gets another server; names come and go with the configuration."""
    rig = t.rig(nodes=1, dns=True)
    rig.dns.serve(db=[OLD])
    with open(rig.dns.resolv_conf, "w", encoding="ascii") as file:
        file.write("nameserver 127.0.0.99\n")
    rig.start(egress_routers=[_proxy()])
    t.eventually(lambda: _complaint(rig, "db.example.com"), "an attention line", 40.0)
    with open(rig.dns.resolv_conf, "w", encoding="ascii") as file:
        file.write("nameserver 127.0.0.1\n")
    rig.apply(egress_routers=[_proxy()])
    _resolved(t, rig, "db.example.com", [OLD])
    rig.apply()
    t.equal(_complaint(rig, "db.example.com"), None, "what nobody needs is not complained of")


def _by_name(*rules):
    return {"default": "deny", "rules": [
        {"namespace": "payments", "ports": ["udp/%d" % topology.ECHO_PORT], **rule}
        for rule in rules]}


def test_a_rule_by_name_allows_what_the_name_stands_for(t):
    """to_names follows the name: the old address closes for new sessions, the new one opens; both
    while the name has both; nothing before it is resolved, and the last answer without a server."""
    rig = t.rig(nodes=1, dns=True)
    rig.start(firewall=_by_name({"action": "allow", "to_names": ["API.example.com"]}))
    old, new, pod = rig.echo(OLD), rig.echo(NEW), rig.pod()
    t.check(t.silent(pod, old), "a name without an address let somebody out")
    t.dropped(rig, "firewall-default")

    def open_to(*servers):
        _resolved(t, rig, "api.example.com", [server.address for server in servers],
                  "firewall.list")
        for server in (old, new):
            t.eventually(lambda own=server: t.passes(pod, own, own in servers) == (own in servers),
                         "%s is open: %s" % (server.address, server in servers), RESOLVED_S)

    rig.dns.serve(api=[OLD])
    open_to(old)
    live = pod.udp()
    t.ask(pod, old, live)
    rig.dns.serve(api=[NEW])
    open_to(new)
    t.equal(t.ask(pod, old, live)[0], topology.PAYMENTS_IP, "a session from before")
    live.close()
    rig.dns.serve(api=[OLD, NEW])
    open_to(old, new)
    rig.dns.stop()
    t.eventually(lambda: _complaint(rig, "api.example.com"), "an attention line", RESOLVED_S)
    t.check(t.passes(pod, new, True), "the last answer is not in use")
    rig.dns.start()


def test_a_rule_by_name_denies_what_the_name_stands_for(t):
    """action = "deny" by name: checked with a warning, denies the name's addresses, not others."""
    rig = t.rig(nodes=1, dns=True)
    rig.dns.serve(api=[OLD])
    rig.start(firewall=_by_name({"action": "deny", "to_names": ["api.example.com"]},
                                {"action": "allow"}))
    checked = rig.gateway.call("config.check", path=rig.gateway.config_path)
    t.check(any("to_names" in warning["path"] for warning in checked["warnings"]), str(checked))
    old, new, pod = rig.echo(OLD), rig.echo(NEW), rig.pod()
    _resolved(t, rig, "api.example.com", [OLD], "firewall.list")
    t.eventually(lambda: t.silent(pod, old), "the name's address is closed", RESOLVED_S)
    t.check(t.passes(pod, new, True), "another address is closed, too")
    t.dropped(rig, "firewall-denied")


if __name__ == "__main__":
    main()
