"""A large cluster beside the small one of the rig: nodes, namespaces, pods, egress addresses and
rules in the numbers that one gateway is made for. None of it exists; it is there to be looked up.
"""
import ipaddress

NODES, NAMESPACES, PODS, EGRESS_IPS, RULES = 1000, 5000, 100_000, 1000, 10_000
ROUTED_VTEPS = "10.1.0.0/16"
PODS_FROM = ipaddress.IPv4Address("10.129.0.0")  # a /25 a node
PODS_APART = 128
VTEPS_FROM = ipaddress.IPv4Address("10.1.0.1")
EGRESS_FROM = ipaddress.IPv4Address("198.19.0.1")


def pod(number, shift=0):
    """The address of a pod; with another shift they all have others, on the same nodes."""
    node, place = number % NODES, number // NODES
    return str(PODS_FROM + node * PODS_APART + (place + shift) % PODS_APART)


def spare_pod(number):
    """An address that no pod of either shift has for long: beyond the pods of its node."""
    node, place = number % NODES, number // NODES
    return str(PODS_FROM + node * PODS_APART + (PODS // NODES + place) % PODS_APART)


def namespace(number):
    return "tenant-%d" % number


def grow(model, nodes=NODES, shift=0, pods=PODS):
    """The model with a large cluster added, its VTEPs behind the first node's."""
    tunnel, gateway = model["tunnels"][0]["name"], model["nodes"][0]["vtep"]
    model.setdefault("routes", []).append(
        {"to": ROUTED_VTEPS, "via": gateway, "port": model["ports"][0]["name"]})
    model["nodes"] += [
        {"name": "worker-%d" % n, "tunnel": tunnel, "vtep": str(VTEPS_FROM + n),
         "pod_cidrs": ["%s/25" % (PODS_FROM + n * PODS_APART)]} for n in range(nodes)]
    members = [[] for _ in range(NAMESPACES)]
    for number in range(pods):
        members[number % NAMESPACES].append(pod(number, shift))
    model["namespaces"] += [{"name": namespace(n), "pods": members[n]} for n in range(NAMESPACES)]
    each = NAMESPACES // EGRESS_IPS
    model["egress_ips"] += [
        {"name": "tenants-%d" % n, "addresses": [str(EGRESS_FROM + n)],
         "namespaces": [namespace(n * each + i) for i in range(each)]} for n in range(EGRESS_IPS)]
    rules = model.setdefault("firewall", {}).setdefault("rules", [])
    rules += [
        {"namespace": namespace(n % NAMESPACES), "action": "allow" if n % 3 else "deny",
         "to": ["203.%d.%d.0/24" % (n // 250 % 113, n % 250)], "ports": ["tcp/443", "udp/53"]}
        for n in range(RULES)]
    return model
