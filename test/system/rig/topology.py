"""The ground plan around one gateway, and the Rig that builds, starts and judges it.

  node-1, node-2 (u0; pods are addresses on the kernel's VXLAN device vx0)
      |  underlay: a bridge, 10.0.0.0/24
  gateway (und, upl; postern)
      |  uplink: 192.0.2.0/24; 198.51.100.0/24 is routed to the gateway
  outside (e0; servers on lo; the router towards far)
      |  100.127.0.0/30
  far (f0; servers on lo)

Each node has the pods .11 payments, .12 web, .13 lab, and .14 that is in no namespace. Cases that
play both ends by hand use the pod .21 of payments and the server NOBODY, which no kernel owns: so
no kernel answers in between.
"""
import copy
import json
import os
import socket
import time

from . import capture, dns as names, frames, gateway, peers
from .ground import run

VNI = 100
VTEP, UNDERLAY_BITS = "10.0.0.254", 24
UPLINK, OUTSIDE, UPLINK_BITS = "192.0.2.10", "192.0.2.1", 24
ROUTED = "198.51.100.0/24"
SERVERS = ["203.0.113.%d" % n for n in range(10, 20)]
NOBODY = "203.0.113.200"
PODS = {"payments": 11, "web": 12, "lab": 13, "stray": 14, "raw": 21}
FAR_ROUTER, FAR_END, FAR_SERVER, FAR_NET = (
    "100.127.0.1", "100.127.0.2", "198.18.0.10", "198.18.0.0/24")
INNER_HOP, INNER_HOP_MAC = "169.254.1.1", "02:00:00:00:99:01"
UNDERLAY_MAC, UPLINK_MAC = "02:00:00:00:01:01", "02:00:00:00:01:02"
OUTSIDE_MAC = "02:00:00:00:02:01"
ECHO_PORT = 7007
PAYMENTS_IP, WEB_IP = "192.0.2.50", "198.51.100.60"
OFFLOADS = ("tx", "rx", "sg", "tso", "gso", "gro")
PORT_PATIENCE_S = 15
# For bulk: all but TCP that leaves with the usual addresses, all but tunnel packets to our nodes.
ODD_ON_UPLINK = "not (tcp and (src host %s or src host %s))" % (PAYMENTS_IP, WEB_IP)
ODD_ON_UNDERLAY = ("not (udp dst port %d and src host %s and (dst host 10.0.0.1 or "
                   "dst host 10.0.0.2))" % (frames.VXLAN_PORT, VTEP))


class Node:
    """A kernel VXLAN node."""

    def __init__(self, number):
        self.number, self.name = number, "node-%d" % number
        self.vtep = "10.0.0.%d" % number
        self.prefix = "10.128.%d." % (4 * (number - 1))
        self.pod_cidr = self.prefix + "0/22"
        self.mac, self.inner_mac = "02:00:00:00:03:%02x" % number, "02:00:00:00:04:%02x" % number
        self.namespace = None


class Pod:
    """An address on a node's vx0."""

    def __init__(self, node, address):
        self.node, self.address, self.namespace = node, address, node.namespace

    def _bound(self, kind, port=0, timeout_s=3.0):
        sock = self.namespace.socket(socket.AF_INET, kind)
        if kind == socket.SOCK_STREAM:  # with it, two of UDP could be given the same port
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((self.address, port))
        sock.settimeout(timeout_s)
        return sock

    def udp(self, port=0, timeout_s=3.0):
        return self._bound(socket.SOCK_DGRAM, port, timeout_s)

    def tcp(self, port=0, timeout_s=3.0):
        return self._bound(socket.SOCK_STREAM, port, timeout_s)

    def run(self, *argv, **kwargs):
        return self.namespace.run(*argv, **kwargs)


class Rig:
    """One topology with one gateway. Build it, `start` it, use it; the case runner ends it."""

    def __init__(self, ground, options, nodes=2, far=False, device="af_packet", underlay_mtu=1600,
                 uplink_mtu=1500, headers_only=False, only_odd=False, dns=False):
        self.ground, self.options, self.device = ground, options, device
        self.underlay_mtu, self.uplink_mtu = underlay_mtu, uplink_mtu
        self._headers_only, self._only_odd = headers_only, only_odd
        self.nodes = [Node(n) for n in range(1, nodes + 1)]
        self.allowed, self._known_nodes, self._captures = set(), set(), None
        self.gateway_ns = ground.namespace("gateway")
        self.underlay = ground.namespace("underlay")
        self.outside = ground.namespace("outside")
        self.far = ground.namespace("far") if far else None
        self.gateway = gateway.Gateway(ground, self.gateway_ns, options.bin)
        self.dns = names.Dns(ground, self.gateway_ns) if dns else None
        self.uplink_mac = UPLINK_MAC
        self._build()

    # ---- building

    def _veth(self, here, name, there, far_name, mtu=1500, here_mac=None, there_mac=None):
        line = "link add %s netns %s mtu %d %s type veth peer name %s netns %s mtu %d %s" % (
            name, here.name, mtu, "address " + here_mac if here_mac else "",
            far_name, there.name, mtu, "address " + there_mac if there_mac else "")
        run(["ip"] + line.split())
        for namespace, device in ((here, name), (there, far_name)):
            self._plain(namespace, device)
            namespace.ip("link set %s up" % device)

    @staticmethod
    def _plain(namespace, device):
        """Offloads off: what a veth carries must be finished packets, as on a cable."""
        words = [word for offload in OFFLOADS for word in (offload, "off")]
        namespace.run("ethtool", "-K", device, *words, check=False)

    def _build(self):
        self.underlay.ip("link add br0 type bridge mcast_snooping 0",
                         "link set br0 mtu %d up" % self.underlay_mtu)
        for node in self.nodes:
            self._build_node(node)
        if self.device == "af_packet":
            self._veth(self.gateway_ns, "und", self.underlay, "ug", self.underlay_mtu, UNDERLAY_MAC)
            self._veth(self.gateway_ns, "upl", self.outside, "e0", self.uplink_mtu, UPLINK_MAC,
                       OUTSIDE_MAC)
            self._attach()
        if self.far:
            self._veth(self.outside, "x1", self.far, "f0")
            self.outside.ip("addr add %s/30 dev x1" % FAR_ROUTER,
                            "route add %s via %s" % (FAR_NET, FAR_END))
            self.outside.sysctl("net.ipv4.ip_forward", 1)
            self.far.ip("addr add %s/30 dev f0" % FAR_END, "addr add %s/32 dev lo" % FAR_SERVER,
                        "route add default via %s" % FAR_ROUTER)

    def _build_node(self, node):
        node.namespace = self.ground.namespace(node.name)
        far_name = "un%d" % node.number
        self._veth(node.namespace, "u0", self.underlay, far_name, self.underlay_mtu, node.mac)
        self.underlay.ip("link set %s master br0" % far_name)
        node.namespace.ip(
            "addr add %s/%d dev u0" % (node.vtep, UNDERLAY_BITS),
            "link add vx0 address %s mtu %d type vxlan id %d dstport %d local %s remote %s dev u0 "
            "nolearning" % (node.inner_mac, self.underlay_mtu - 50, VNI, frames.VXLAN_PORT,
                            node.vtep, VTEP),
            *["addr add %s%d/32 dev vx0" % (node.prefix, last) for last in (11, 12, 13, 14)],
            "link set vx0 mtu %d up" % min(self.underlay_mtu - 50, 1500),
            "neigh add %s lladdr %s dev vx0 nud permanent" % (INNER_HOP, INNER_HOP_MAC),
            "route add default via %s dev vx0 onlink" % INNER_HOP)
        self._plain(node.namespace, "vx0")

    def _attach(self):
        """Gives the ends of the gateway's ports to the underlay and the outside, and watches."""
        self.underlay.ip("link set ug master br0")
        self.outside.ip("addr add %s/%d dev e0" % (OUTSIDE, UPLINK_BITS),
                        *["addr add %s/32 dev lo" % server for server in SERVERS],
                        "route add %s via %s dev e0" % (ROUTED, UPLINK))
        self._captures = (
            capture.Capture(self.outside, "e0", self.ground.path("uplink.pcap"),
                            self._headers_only, ODD_ON_UPLINK if self._only_odd else None),
            capture.Capture(self.underlay, "ug", self.ground.path("underlay.pcap"),
                            self._headers_only, ODD_ON_UNDERLAY if self._only_odd else None))

    def _attach_taps(self):
        """net_tap: the gateway made its taps at home; their kernel ends are moved to the peers."""
        moves = (("und", self.underlay, "ug", self.underlay_mtu, "02:00:00:00:02:02"),
                 ("upl", self.outside, "e0", self.uplink_mtu, OUTSIDE_MAC))
        for name, there, new_name, mtu, new_mac in moves:
            self._wait_device(name)
            link = json.loads(self.gateway_ns.run("ip", "-j", "link", "show", name).stdout)[0]
            if name == "upl":
                self.uplink_mac = link["address"]
            self.gateway_ns.ip("link set %s netns %s name %s" % (name, there.name, new_name))
            # The tap's kernel end bears the port's own address: give it one of its own.
            there.ip("link set %s down" % new_name,
                     "link set %s address %s mtu %d up" % (new_name, new_mac, mtu))
        self._attach()

    def _wait_device(self, name):
        end = time.monotonic() + PORT_PATIENCE_S
        while self.gateway_ns.run("ip", "link", "show", name, check=False).returncode:
            if time.monotonic() > end or not self.gateway.running:
                raise RuntimeError("the tap %s never appeared:\n%s" % (
                    name, self.gateway.log_tail()))
            time.sleep(0.05)

    # ---- the configuration

    def model(self, **over):
        """The usual configuration; groups given are merged, lists given take the place."""
        kind = "net_tap" if self.device == "tap" else "net_af_packet"
        model = {
            "version": 1,
            "gateway": {"name": "gw-test", "control_socket": self.gateway.socket_path},
            "eal": {"memory": self.options.memory, "memory_mb": 512},
            "workers": {"cpus": self.options.cpus or str((os.cpu_count() or 1) - 1),
                        "idle": "sleep"},
            "ports": [
                {"name": "underlay", "device": "%s0,iface=und" % kind, "role": "cluster",
                 "addresses": ["%s/%d" % (VTEP, UNDERLAY_BITS)], "mtu": self.underlay_mtu},
                {"name": "uplink", "device": "%s1,iface=upl" % kind, "role": "external",
                 "addresses": ["%s/%d" % (UPLINK, UPLINK_BITS)], "gateway": OUTSIDE,
                 "mtu": self.uplink_mtu}],
            "tunnels": [{"name": "overlay", "type": "vxlan", "local": VTEP, "vni": VNI}],
            "nodes": [{"name": node.name, "tunnel": "overlay", "vtep": node.vtep,
                       "pod_cidrs": [node.pod_cidr]} for node in self.nodes],
            "cluster": {"no_snat": ["10.128.0.0/14", "172.30.0.0/16"]},
            "namespaces": [
                {"name": name, "pods": ["%s%d" % (node.prefix, last) for node in self.nodes
                                        for last in lasts]}
                for name, lasts in (("payments", (11, 21)), ("web", (12,)), ("lab", (13,)))],
            "egress_ips": [
                {"name": "payments-out", "namespaces": ["payments"], "addresses": [PAYMENTS_IP]},
                {"name": "web-out", "namespaces": ["web"], "addresses": [WEB_IP]}],
            "firewall": {"default": "allow"},
            "sessions": {"max": 65536},
        }
        for key, value in over.items():
            if isinstance(value, dict) and isinstance(model.get(key), dict):
                model[key] = {**model[key], **value}
            else:
                model[key] = value
        return copy.deepcopy(model)

    def learn(self, model):
        """Takes from a configuration which addresses may leave, and which nodes there are."""
        for entry in model.get("egress_ips", []):
            self.allowed.update(entry["addresses"])
        self.allowed.update(model.get("node_ip", {}).get("addresses", []))
        self.allowed.update(router["source"] for router in model.get("egress_routers", []))
        if model.get("node_ip", {}).get("mode") == "per-node":
            self.allowed.update(node["external_ip"] for node in model["nodes"])
        self._known_nodes.update(node["vtep"] for node in model["nodes"])

    def start(self, **over):
        """Starts the gateway with the usual configuration and these changes; returns the rig."""
        model = self.model(**over)
        self.learn(model)
        self.gateway.write(model)
        self.restart()
        return self

    def restart(self, *by):
        """Starts the gateway with what is written; `by` is a command that executes it."""
        self.gateway.launch(*(self.dns.around() if self.dns else ()), *by)
        if self.device == "tap":
            self._attach_taps()
        self.gateway.wait_ready()

    def apply(self, **over):
        """config.apply of the usual configuration with these changes."""
        model = self.model(**over)
        self.learn(model)
        return self.gateway.apply(model)

    # ---- who is there

    def pod(self, name="payments", node=1):
        return self.pod_at("%s%d" % (self.nodes[node - 1].prefix, PODS[name]), node)

    def pod_at(self, address, node=1):
        return Pod(self.nodes[node - 1], address)

    def echo(self, address=SERVERS[0], port=ECHO_PORT, namespace=None):
        return self.ground.add(peers.Echo(namespace or self.outside, address, port))

    def http(self, blob, address=SERVERS[0], port=80):
        return self.ground.add(peers.Http(self.outside, address, port, blob))

    def node_wire(self, node=1):
        return self.ground.add(peers.Wire(self.nodes[node - 1].namespace, "u0"))

    def arp_answerer(self, macs):
        """Hosts on the underlay that answer ARP and do nothing else: {address: MAC}."""
        crowd = self.ground.namespace("crowd")
        self._veth(crowd, "c0", self.underlay, "crowd")
        self.underlay.ip("link set crowd master br0")
        return self.ground.add(peers.ArpAnswerer(crowd, "c0", macs))

    def outside_wire(self):
        return self.ground.add(peers.Wire(self.outside, "e0"))

    def tunnelled(self, packet, node=None, vni=VNI, src=None, dst=VTEP, sport=49152):
        """The frame with which a node sends this inner IP packet to the gateway."""
        node = node or self.nodes[0]
        inner = frames.ethernet(INNER_HOP_MAC, node.inner_mac, frames.ETH_IP, packet)
        outer = frames.udp(src or node.vtep, dst, sport, frames.VXLAN_PORT,
                           frames.vxlan(vni, inner))
        return frames.ethernet(UNDERLAY_MAC, node.mac, frames.ETH_IP, outer)

    def from_outside(self, packet):
        """The frame with which the outside sends this IP packet to the gateway."""
        return frames.ethernet(self.uplink_mac, OUTSIDE_MAC, frames.ETH_IP, packet)

    # ---- what left so far, and the verdict at the end

    def left(self):
        """The packets that left by the uplink so far."""
        time.sleep(0.1)
        return list(self._captures[0].packets())

    def tunnelled_back(self):
        """The packets that were sent into the underlay so far."""
        time.sleep(0.1)
        return list(self._captures[1].packets())

    def complaints(self):
        """Ends the gateway and the captures; what was not as every case promises."""
        yield from self.gateway.end_complaints()
        if self._captures is None:
            return
        uplink, underlay = self._captures
        for watch, side in ((uplink, "uplink"), (underlay, "underlay")):
            lost = watch.stop()
            if lost:
                yield "the capture on the %s lost %d frames" % (side, lost)
        yield from capture.few(
            capture.uplink_complaints(uplink.packets(), self.allowed, UPLINK))
        yield from capture.few(
            capture.underlay_complaints(underlay.packets(), VTEP, self._known_nodes))
