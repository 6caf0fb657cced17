#!/usr/bin/python3
"""Who leaves by which address, and who does not leave: ways out, spread, exhaustion, firewall."""
import errno

from rig import frames, topology
from rig.case import main

NODE_IP = "192.0.2.20"
POOL = ["192.0.2.50", "192.0.2.51", "198.51.100.52", "198.51.100.53"]
SMALL_RANGE = "2048-2111"          # 64 ports
SMALL_COUNT = 64
MANY = ["10.128.0.%d" % last for last in range(64, 84)]


def _entry(**over):
    entry = {"name": "payments-out", "namespaces": ["payments"], "addresses": POOL}
    return [{**entry, **over}]


def _ask_fresh(t, pod, server, count):
    """The source addresses of so many sessions of a pod."""
    return [t.ask(pod, server)[0] for _ in range(count)]


def test_two_nodes_two_namespaces_own_addresses(t):
    """Each namespace leaves by its own address from both nodes, with UDP and TCP."""
    rig = t.rig().start()
    server = rig.echo()
    for name, address in (("payments", topology.PAYMENTS_IP), ("web", topology.WEB_IP)):
        for node in (1, 2):
            pod = rig.pod(name, node)
            t.equal(set(_ask_fresh(t, pod, server, 10)), {address}, "%s by UDP" % name)
            sock, seen = t.dial(pod, server)
            t.equal(seen, address, "%s by TCP" % name)
            sock.close()
    t.equal(server.seen, {topology.PAYMENTS_IP, topology.WEB_IP}, "what the server saw in all")


def test_pods_with_the_same_port_are_kept_apart(t):
    """Pods of both nodes use one source port towards one server; each gets its own answers."""
    rig = t.rig().start()
    server = rig.echo()
    pods = [rig.pod(name, node) for name in ("payments", "web") for node in (1, 2)]
    socks = [pod.udp(5555) for pod in pods]
    for turn in range(5):
        seen = set()
        for pod, sock in zip(pods, socks):
            own = ("%s turn %d" % (pod.address, turn)).encode()
            seen.add(t.ask(pod, server, sock, own))
        t.equal(len(seen), len(pods), "different sources outside")
    for sock in socks:
        sock.close()


def test_node_ip_stands_behind_egress_ip(t):
    """With node_ip on, a namespace without an entry leaves by the shared address, others do not."""
    rig = t.rig().start(node_ip={"mode": "gateway", "addresses": [NODE_IP]})
    server = rig.echo()
    for node in (1, 2):
        t.equal(t.ask(rig.pod("lab", node), server)[0], NODE_IP, "lab")
        t.equal(t.ask(rig.pod("payments", node), server)[0], topology.PAYMENTS_IP, "payments")


def test_node_ip_of_platform_traffic_only(t):
    """for = "platform": the node's own address leaves by Node IP, a pod without entry does not."""
    rig = t.rig(nodes=1)
    model = rig.model(node_ip={"mode": "gateway", "addresses": [NODE_IP], "for": "platform"})
    model["nodes"][0]["addresses"] = [rig.nodes[0].vtep]
    rig.start(**model)
    wire, outside = rig.node_wire(), rig.outside_wire()
    wire.send(rig.tunnelled(frames.udp(rig.nodes[0].vtep, topology.NOBODY, 123, 123, b"time")))
    seen = outside.wait(lambda p: p.protocol == frames.UDP and p.dport == 123)
    t.equal(seen and seen.src, NODE_IP, "the node's own packet")
    outside.send(rig.from_outside(frames.udp(seen.dst, seen.src, 123, seen.sport, b"tick")))
    back = wire.wait(lambda p: p.inner() is not None)
    t.equal(back and (back.inner().dst, back.inner().dport), (rig.nodes[0].vtep, 123), "the answer")
    t.check(t.silent(rig.pod("lab"), rig.echo()), "a pod without an entry got out")
    t.dropped(rig, "no-policy")


def test_node_ip_of_each_node(t):
    """mode = "per-node": a pod without an entry and the platform leave by the address of their
    node; connections end with that address and survive other changes."""
    own = {1: "192.0.2.101", 2: "198.51.100.102"}
    rig = t.rig()

    def model(addresses):
        made = rig.model(node_ip={"mode": "per-node"})
        for node, entry in zip(rig.nodes, made["nodes"]):
            entry.update(addresses=[node.vtep], external_ip=addresses[node.number])
        return made

    rig.start(**model(own))
    server, socks = rig.echo(), {}
    for node in (1, 2):
        t.equal(t.ask(rig.pod("lab", node), server)[0], own[node], "lab by UDP")
        socks[node], seen = t.dial(rig.pod("lab", node), server)
        t.equal(seen, own[node], "lab by TCP")
        t.equal(t.ask(rig.pod("web", node), server)[0], topology.WEB_IP, "web has its own")
    wire, outside, node = rig.node_wire(2), rig.outside_wire(), rig.nodes[1]
    wire.send(rig.tunnelled(frames.udp(node.vtep, topology.NOBODY, 123, 123, b"time"), node))
    seen = outside.wait(lambda p: p.protocol == frames.UDP and p.dport == 123)
    t.equal(seen and seen.src, own[2], "the second node's own packet")
    outside.send(rig.from_outside(frames.udp(seen.dst, seen.src, 123, seen.sport, b"tick")))
    back = wire.wait(lambda p: p.inner() is not None and p.inner().dport == 123)
    t.equal(back and back.inner().dst, node.vtep, "the answer")
    rig.apply(**model({1: own[1], 2: "198.51.100.103"}))
    for node, lives in ((1, True), (2, False)):
        socks[node].settimeout(3.0 if lives else 0.5)
        try:
            socks[node].sendall(b"still there?")
            seen = bool(socks[node].recv(100))
        except OSError:
            seen = False
        t.equal(seen, lives, "the connection of node %d" % node)
        socks[node].close()
    t.equal(t.ask(rig.pod("lab", 2), server)[0], "198.51.100.103", "after the change")


def test_without_a_way_out_nothing_leaves(t):
    """node_ip off and no entry: no-policy; a pod of no namespace: source-unknown."""
    rig = t.rig().start()
    server = rig.echo()
    t.check(t.silent(rig.pod("lab"), server), "lab got out without an entry")
    t.dropped(rig, "no-policy")
    t.check(t.silent(rig.pod("stray", 2), server), "a pod of no namespace got out")
    t.dropped(rig, "source-unknown")
    rows = {row["reason"]: row for row in rig.gateway.call("drops.list")["rows"]}
    last = rows["source-unknown"]["last"]
    t.equal((last["src"], last["dst"]), (rig.pod("stray", 2).address, server.address), "last")
    t.check(rows["source-unknown"]["advice"] and rows["source-unknown"]["text"], "no advice")
    t.equal(server.seen, set(), "what the server saw")


def test_the_inside_is_never_an_outside(t):
    """Pod networks, nodes, VTEPs and the gateway's own addresses are refused as destinations."""
    rig = t.rig(nodes=1).start()
    pod, wire, outside = rig.pod("raw"), rig.node_wire(), rig.outside_wire()
    inside = ["10.128.4.11", "10.128.7.7", "172.30.0.1", "10.0.0.1", topology.UPLINK,
              topology.PAYMENTS_IP, topology.WEB_IP]
    for number, address in enumerate(inside):
        wire.send(rig.tunnelled(frames.udp(pod.address, address, 4000 + number, 53, b"x")))
    t.dropped(rig, "cluster-destination", len(inside))
    t.equal(list(outside.arriving(lambda p: p.protocol == frames.UDP, 0.2)), [], "what left")


def test_spread_source_keeps_a_pod_on_one_address(t):
    """spread = source: one pod one address over protocols and sessions; many pods use several."""
    rig = t.rig(nodes=1)
    rig.nodes[0].namespace.ip(*["addr add %s/32 dev vx0" % address for address in MANY])
    namespaces = [{"name": "payments", "pods": ["10.128.0.64/26"]}]
    rig.start(namespaces=namespaces, egress_ips=_entry())
    server, used = rig.echo(), set()
    for address in MANY:
        pod = rig.pod_at(address)
        seen = set(_ask_fresh(t, pod, server, 4))
        sock, by_tcp = t.dial(pod, server)
        sock.close()
        t.equal(seen, {by_tcp}, "addresses of the pod %s" % address)
        used |= seen
    t.check(used <= set(POOL) and len(used) >= 2, "%d pods use only %s" % (len(MANY), used))


def test_spread_session_and_first(t):
    """session: one pod's sessions use several addresses; first: always the first of the list."""
    rig = t.rig(nodes=1).start(egress_ips=_entry(spread="session"))
    server = rig.echo()
    used = set(_ask_fresh(t, rig.pod(), server, 48))
    t.check(used <= set(POOL) and len(used) >= 3, "48 sessions used only %s" % used)
    rig.apply(egress_ips=_entry(spread="first"))
    t.equal(set(_ask_fresh(t, rig.pod(), server, 12)), {POOL[0]}, "spread = first")


def _fill(t, pod, server, count):
    """So many sessions to one remote, each from its own port; the sources outside."""
    sources = []
    for number in range(count):
        with pod.udp(20000 + number) as sock:
            sources.append(t.ask(pod, server, sock, b"%d" % number))
    return sources


def test_exhausted_ports_drop_exactly(t):
    """64 ports serve 64 sessions to one remote, each its own; the 65th is no-port; another remote
    has its own 64."""
    rig = t.rig(nodes=1).start(egress_ips=_entry(addresses=POOL[:1]),
                               sessions={"port_range": SMALL_RANGE})
    pod, server, other = rig.pod(), rig.echo(), rig.echo(port=topology.ECHO_PORT + 1)
    sources = _fill(t, pod, server, SMALL_COUNT)
    t.equal(len(set(sources)), SMALL_COUNT, "different ports")
    t.check(all(2048 <= port <= 2111 for _, port in sources), "ports out of range: %s" % sources)
    t.check(t.silent(pod, server), "a 65th session got out")
    t.dropped(rig, "no-port")
    t.check(rig.gateway.counters()["nat.port_failures"] >= 1, "nat.port_failures did not count")
    t.equal(t.ask(pod, other)[0], POOL[0], "another remote")
    with pod.tcp() as sock:
        sock.connect((server.address, server.port))
        t.check(sock.recv(100).startswith(POOL[0].encode()), "TCP has its own ports")


def test_exhausted_address_hands_over_to_the_next(t):
    """when_exhausted = next-address: two addresses serve 128 sessions to one remote."""
    rig = t.rig(nodes=1).start(
        egress_ips=_entry(addresses=POOL[:2], spread="first", when_exhausted="next-address"),
        sessions={"port_range": SMALL_RANGE})
    pod, server = rig.pod(), rig.echo()
    sources = _fill(t, pod, server, 2 * SMALL_COUNT)
    t.equal(len(set(sources)), 2 * SMALL_COUNT, "different sources")
    t.equal({address for address, _ in sources[:SMALL_COUNT]}, {POOL[0]}, "the first 64")
    t.equal({address for address, _ in sources[SMALL_COUNT:]}, {POOL[1]}, "the next 64")
    t.check(t.silent(pod, server), "a 129th session got out")
    t.dropped(rig, "no-port")


def test_idle_sessions_end_and_free_their_ports(t):
    """A timeout of 2 s: 64 sessions on 64 ports expire, and 64 others find the ports free."""
    rig = t.rig(nodes=1).start(
        egress_ips=_entry(addresses=POOL[:1]),
        sessions={"port_range": SMALL_RANGE, "port_hold": "0s",
                  "timeouts": {"udp": "2s"}})
    pod, server = rig.pod(), rig.echo()
    for _ in range(2):
        t.equal(len(set(_fill(t, pod, server, SMALL_COUNT))), SMALL_COUNT, "different ports")
        t.eventually(lambda: rig.gateway.call("sessions.count")["count"] == 0, "all expire", 8.0)
    count = rig.gateway.counters()
    t.equal((count["session.created"], count["session.expired"]),
            (2 * SMALL_COUNT, 2 * SMALL_COUNT), "created, expired")
    with pod.udp(20000) as sock:
        t.ask(pod, server, sock)
        t.equal(rig.gateway.call("sessions.count")["count"], 1, "sessions")


def test_fallback_to_node_ip_only_where_written(t):
    """An entry without a usable address: nothing leaves, or by Node IP where the entry says so."""
    node_ip = {"mode": "gateway", "addresses": [NODE_IP]}
    rig = t.rig(nodes=1).start(egress_ips=_entry(addresses=[]), node_ip=node_ip)
    pod, server = rig.pod(), rig.echo()
    t.check(t.silent(pod, server), "left without an address of its own")
    t.dropped(rig, "no-egress-address")
    rig.apply(egress_ips=_entry(addresses=[], fallback="node-ip"), node_ip=node_ip)
    t.equal(t.ask(pod, server)[0], NODE_IP, "with fallback = node-ip")


def test_entries_by_pod_destination_and_exception(t):
    """Entries for pods beat those for namespaces, longer prefixes shorter; except beats both."""
    rig = t.rig().start(egress_ips=[
        {"name": "all", "namespaces": ["payments"], "addresses": [POOL[0]]},
        {"name": "near", "namespaces": ["payments"], "destinations": ["203.0.113.0/24"],
         "except": ["203.0.113.11/32"], "addresses": [POOL[1]]},
        {"name": "one-pod", "namespaces": ["payments"], "pods": ["10.128.4.11"],
         "destinations": ["203.0.113.12/32"], "addresses": [POOL[2]]}])
    servers = [rig.echo(address) for address in topology.SERVERS[:3]]
    first, second = rig.pod("payments", 1), rig.pod("payments", 2)
    t.equal([t.ask(first, server)[0] for server in servers], [POOL[1], POOL[0], POOL[1]],
            "by destination and exception")
    t.equal([t.ask(second, server)[0] for server in servers], [POOL[1], POOL[0], POOL[2]],
            "with the entry of its own")


def test_firewall_by_destination_and_port(t):
    """First matching rule wins, the default speaks last, and each refusal has its reason."""
    rules = [
        {"namespace": "payments", "action": "deny", "to": ["203.0.113.12/32"],
         "ports": ["tcp/7007"]},
        {"namespace": "payments", "action": "allow", "to": ["203.0.113.0/24"],
         "ports": ["tcp/7000-7010", "icmp"]},
        {"namespace": "payments", "action": "allow", "to": ["203.0.113.11/32"],
         "ports": ["udp/7007"]},
        {"namespace": "*", "action": "deny", "to": ["203.0.113.10/32"]},
        {"namespace": "web", "action": "allow"}]
    rig = t.rig().start(firewall={"default": "deny", "rules": rules})
    servers = [rig.echo(address) for address in topology.SERVERS[:3]]
    payments, web, lab = rig.pod("payments"), rig.pod("web", 2), rig.pod("lab")

    def connects(pod, server, expected):
        with pod.tcp(timeout_s=4.0 if expected else 0.5) as sock:
            return sock.connect_ex((server.address, server.port)) == 0

    def compare(way, pod, expected, what):
        seen = [way(pod, server, wanted) for server, wanted in zip(servers, expected)]
        t.equal(seen, expected, what)

    compare(connects, payments, [True, True, False], "payments by TCP")
    t.dropped(rig, "firewall-denied")
    compare(t.passes, payments, [False, True, False], "payments by UDP")
    compare(t.passes, web, [False, True, True], "web by UDP")
    t.dropped(rig, "firewall-default")
    payments.run("ping", "-c", "2", "-i", "0.1", "-W", "2", "-I", payments.address,
                 servers[2].address)
    t.check(t.silent(lab, servers[1]), "lab got out without a rule")


def test_firewall_rejects_logs_and_counts(t):
    """refuse = "reject" is told to the pod's own sockets; log = true writes the rule's line."""
    rules = [{"namespace": "payments", "action": "deny", "to": ["203.0.113.12/32"], "log": True},
             {"namespace": "payments", "action": "allow", "ports": ["tcp", "icmp"], "log": True}]
    rig = t.rig(nodes=1).start(
        firewall={"default": "deny", "refuse": "reject", "rules": rules})
    pod, servers = rig.pod(), [rig.echo(address) for address in topology.SERVERS[:3]]
    with pod.tcp() as sock:
        t.equal(sock.connect_ex((servers[2].address, servers[2].port)), errno.ECONNREFUSED, "RST")
    with pod.udp() as sock:
        sock.connect((servers[1].address, servers[1].port))
        sock.send(b"anyone?")
        t.equal(_told(sock), errno.EHOSTUNREACH, "ICMP administratively prohibited")
    sock, _ = t.dial(pod, servers[0])
    sock.close()

    def row(number):
        return rig.gateway.call("firewall.list")["rows"][number]

    t.equal((row(0)["hits"], row(1)["hits"]), (1, 1), "hits")
    line = "to %s:%d tcp denied by firewall.rules[0] (%s:" % (
        servers[2].address, servers[2].port, rig.gateway.config_path)
    t.eventually(lambda: line in rig.gateway.log(), "the line of the denying rule")
    t.eventually(lambda: "tcp allowed by firewall.rules[1]" in rig.gateway.log(), "and the other")


def _told(sock):
    """The error that a connected socket is told of."""
    try:
        sock.recv(100)
    except OSError as error:
        return error.errno
    return None


def test_qos_marks_what_leaves(t):
    """DSCP by namespace and destination, the longest prefix; what comes back keeps the server's."""
    qos = [{"namespace": "payments", "dscp": 10},
           {"namespace": "payments", "to": ["203.0.113.11/32"], "dscp": 46}]
    rig = t.rig(nodes=1).start(qos=qos)
    outside = rig.outside_wire()
    servers = {address: rig.echo(address) for address in topology.SERVERS[:2]}
    for name, source, address, tos in (
            ("payments", topology.PAYMENTS_IP, topology.SERVERS[0], 10 << 2),
            ("payments", topology.PAYMENTS_IP, topology.SERVERS[1], 46 << 2),
            ("web", topology.WEB_IP, topology.SERVERS[1], 0)):
        pod, server = rig.pod(name), servers[address]
        t.ask(pod, server)
        sock, _ = t.dial(pod, server)
        sock.close()
        for protocol in (frames.UDP, frames.TCP):
            seen = outside.wait(lambda p, mine=(source, address, protocol):
                                (p.src, p.dst, p.protocol) == mine)
            t.equal(seen and seen.tos, tos, "%s to %s, protocol %d" % (name, address, protocol))


def test_firewall_denies_by_default(t):
    """Without a firewall group nobody gets out; a rule added by config.apply opens at once."""
    rig = t.rig(nodes=1)
    model = rig.model()
    del model["firewall"]
    rig.learn(model)
    rig.gateway.write(model)
    rig.restart()
    pod, server = rig.pod(), rig.echo()
    t.check(t.silent(pod, server), "got out without a firewall group")
    t.dropped(rig, "firewall-default")
    rig.apply(firewall={"default": "deny", "rules": [{"namespace": "payments", "action": "allow"}]})
    t.equal(t.ask(pod, server)[0], topology.PAYMENTS_IP, "after the rule")


if __name__ == "__main__":
    main()
