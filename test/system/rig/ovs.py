"""Nodes whose overlay is Geneve by Open vSwitch's userspace datapath, with OVN's option.

  pod (eth0)  -  vpN [br-int] gnv0  ..Geneve..  [br-phy] u0  -  underlay

Each pod is a namespace of its own. What leaves bears OVN's option with the ports SENT in it; what
comes back reaches a pod only when it bears the pod's VNI and the option with the ports EXPECTED:
Open vSwitch itself judges what the gateway sends.
"""
import os
import time

from . import topology
from .ground import run

SENT, EXPECTED = "0x00010002", "0x00020001"
OPTION = "0102800100020001"  # class 0x0102, type 0 and critical, 4 bytes: EXPECTED
INNER_ADDRESS = "10.128.0.1"
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
PATIENCE_S = 20


class Switch:
    """ovsdb-server and ovs-vswitchd in a namespace, with a folder of their own."""

    def __init__(self, namespace, folder):
        os.mkdir(folder)
        self._namespace, self._folder = namespace, folder
        places = ("OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_SYSCONFDIR")
        self._environment = dict(os.environ, **{place: folder for place in places})
        database = os.path.join(folder, "conf.db")
        run(["ovsdb-tool", "create", database, SCHEMA])
        self._start("ovsdb-server", database, "--remote=punix:" + self._path("db.sock"),
                    "--unixctl=" + self._path("db.ctl"))
        self._wait("db.sock")
        self._start("ovs-vswitchd", "unix:" + self._path("db.sock"),
                    "--unixctl=" + self._path("vs.ctl"))
        self._wait("vs.ctl")

    def _path(self, name):
        return os.path.join(self._folder, name)

    def _start(self, program, *arguments):
        with open(self._path(program + ".log"), "w", encoding="utf-8") as log:
            self._namespace.popen(program, *arguments, env=self._environment, stdout=log,
                                  stderr=log)

    def _wait(self, name):
        end = time.monotonic() + PATIENCE_S
        while not os.path.exists(self._path(name)):
            if time.monotonic() > end:
                raise RuntimeError("Open vSwitch did not make %s" % name)
            time.sleep(0.02)

    def configure(self, *words):
        """One ovs-vsctl transaction; it is in force when this returns."""
        return self._namespace.run("ovs-vsctl", "--db=unix:" + self._path("db.sock"),
                                   "--timeout=%d" % PATIENCE_S, *words)

    def flow(self, bridge, *words):
        return self._namespace.run("ovs-ofctl", words[0], "unix:" + self._path(bridge + ".mgmt"),
                                   *words[1:])

    def ask(self, *words):
        return self._namespace.run("ovs-appctl", "-t", self._path("vs.ctl"), *words)


class Plan(topology.Rig):
    """The usual ground plan with such nodes. `pods`: (last byte, VNI) on node-1."""

    def __init__(self, ground, options, nodes=1, pods=((11, topology.VNI), (12, topology.VNI)),
                 **kwargs):
        self._switches, self._pods, self._first_pods = {}, {}, pods
        super().__init__(ground, options, nodes=nodes, **kwargs)

    def _build(self):
        super()._build()
        for last, vni in self._first_pods:
            self.add_pod(last, vni)

    def _build_node(self, node):
        node.namespace = self.ground.namespace(node.name)
        far_name = "un%d" % node.number
        self._veth(node.namespace, "u0", self.underlay, far_name, self.underlay_mtu)
        self.underlay.ip("link set %s master br0" % far_name)
        switch = Switch(node.namespace, self.ground.path("ovs-%d" % node.number))
        switch.configure(
            "add-br", "br-phy", "--", "set", "bridge", "br-phy", "datapath_type=netdev",
            "other-config:hwaddr=\"%s\"" % node.mac, "--", "add-port", "br-phy", "u0")
        node.namespace.ip("addr add %s/%d dev br-phy" % (node.vtep, topology.UNDERLAY_BITS),
                          "link set br-phy mtu %d up" % self.underlay_mtu)
        switch.configure(
            "add-br", "br-int", "--", "set", "bridge", "br-int", "datapath_type=netdev",
            "fail-mode=secure", "--", "add-port", "br-int", "gnv0", "--", "set", "interface",
            "gnv0", "type=geneve", "options:remote_ip=" + topology.VTEP, "options:key=flow")
        switch.ask("tnl/neigh/set", "br-phy", topology.VTEP, topology.UNDERLAY_MAC)
        switch.flow("br-int", "add-tlv-map", "{class=0x0102,type=0x80,len=4}->tun_metadata0")
        self._switches[node.number] = switch

    def add_pod(self, last, vni, node=1):
        """Starts a pod in that virtual network; two may have one address."""
        node, number = self.nodes[node - 1], len(self._pods) + 1
        pod = topology.Pod(node, "%s%d" % (node.prefix, last))
        pod.namespace = self.ground.namespace("pod-%d" % number)
        port, mac = "vp%d" % number, "02:00:00:00:05:%02x" % number
        self._veth(pod.namespace, "eth0", node.namespace, port, 1500, mac)
        pod.namespace.ip("addr add %s/22 dev eth0" % pod.address,
                         "route add default via " + INNER_ADDRESS)
        switch = self._switches[node.number]
        switch.configure("add-port", "br-int", port)
        switch.flow("br-int", "add-flow",
                    "in_port=%s,actions=set_field:%d->tun_id,set_field:%s->tun_metadata0,"
                    "output:gnv0" % (port, vni, SENT))
        for what in ("ip,nw_dst=", "arp,arp_tpa="):
            switch.flow("br-int", "add-flow",
                        "in_port=gnv0,tun_id=%d,tun_metadata0=%s,%s%s,actions=set_field:%s->"
                        "eth_dst,output:%s" % (vni, EXPECTED, what, pod.address, mac, port))
        self._pods[(pod.address, vni)] = pod
        return pod

    def pod_at(self, address, node=1):
        return next(pod for (own, _), pod in self._pods.items() if own == address)

    def model(self, **over):
        model = super().model()
        model["tunnels"] = [{"name": "overlay", "type": "geneve", "local": topology.VTEP,
                             "vni": topology.VNI, "inner_addresses": [INNER_ADDRESS]}]
        for node in model["nodes"]:
            node["geneve_options"] = OPTION
        model.update(over)
        return model
