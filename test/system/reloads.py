#!/usr/bin/python3
"""Many changes: a thousand reloads under traffic, and eight clients at once."""
import random
import signal
import threading

from rig import topology
from rig.case import main
from rig.control import RpcError
from rig.streams import Questions, Stream, nothing_lost

RELOADS = 1000
SIGNALS = 100
SPARE_IP = "192.0.2.70"
CLIENTS = 8
PATCHES = 120
SHARED_PODS = ["10.128.3.%d" % n for n in range(1, 9)]


def _alternating(rig):
    """Two configurations that differ in an entry of every kind, none of them payments' or web's."""
    first, second = rig.model(), rig.model()
    second["egress_ips"].append(
        {"name": "lab-out", "namespaces": ["lab"], "addresses": [SPARE_IP]})
    second["namespaces"].append({"name": "guest", "pods": ["10.128.1.77"]})
    second["nodes"].append({"name": "node-9", "tunnel": "overlay", "vtep": "10.0.0.9",
                            "pod_cidrs": ["10.131.0.0/24"]})
    second["firewall"]["rules"] = [
        {"namespace": "lab", "action": "deny", "to": ["203.0.113.99/32"]}]
    second["sessions"]["timeouts"] = {"icmp": "50s"}
    rig.learn(second)
    return first, second


def test_1000_reloads_lose_no_packet(t):
    """config.apply and SIGHUP of two files in turn; every datagram is answered."""
    rig = t.rig(headers_only=True).start()
    server = rig.echo()
    pods = [rig.pod("payments", 1), rig.pod("web", 2)]
    for pod in pods:
        t.ask(pod, server)
    questions = [Questions(pod, server, gap_s=0.004) for pod in pods]
    streams = [Stream(t.dial(pod, server)[0]) for pod in pods]
    models = _alternating(rig)
    generation = rig.gateway.call("status")["generation"]
    t.equal(generation, 1, "generation at the start")
    for number in range(1, RELOADS + 1):
        rig.gateway.write(models[number % 2])
        if number % (RELOADS // SIGNALS):
            answer = rig.gateway.call("config.apply", path=rig.gateway.config_path)
            t.equal(answer["generation"], number + 1, "generation")
            t.check(answer["diff"]["added" if number % 2 else "removed"], str(answer))
        else:
            rig.gateway.signal(signal.SIGHUP)
            t.eventually(lambda: rig.gateway.call("status")["generation"] == number + 1,
                         "SIGHUP brings generation %d" % (number + 1), every_s=0.005)
        # However fast reloads are: questions are under way during all of them.
        t.eventually(lambda: min(question.asked for question in questions) > 0.6 * number,
                     "the pods ask on", every_s=0.001)
    nothing_lost(t, questions, (topology.PAYMENTS_IP, topology.WEB_IP), streams, least=500)
    t.equal(rig.gateway.call("status")["generation"], RELOADS + 1, "generation at the end")


class Patcher(threading.Thread):
    """Patches pods of its own and shared ones; remembers every patch that changed something."""

    def __init__(self, number, client):
        super().__init__(daemon=True)
        self._client, self._random = client, random.Random(number)
        self._own = ["10.128.2.%d" % (number * 25 + n) for n in range(1, 21)]
        self.committed, self.refused, self.fault = [], 0, None
        self.start()

    def _request(self):
        pods = self._random.sample(self._own + SHARED_PODS, self._random.randint(1, 3))
        name = self._random.choice(("payments", "web", "lab"))
        request = {self._random.choice(("add", "add", "remove")): {name: pods}}
        extra = self._random.randint(0, 9)
        if extra == 0:
            request["dry_run"] = True
        elif extra == 1:
            request["if_generation"] = self._client.call("status")["generation"]
        return request

    def run(self):
        try:
            for _ in range(PATCHES):
                self._patch(self._request())
        except (OSError, ValueError, KeyError) as error:
            self.fault = error

    def _patch(self, request):
        try:
            answer = self._client.call("namespaces.patch", **request)
        except RpcError as error:
            if error.error["code"] not in (1003, 1009):
                raise ValueError(str(error)) from error
            self.refused += 1
            return
        if answer["changed"] and not request.get("dry_run"):
            self.committed.append((answer["generation"], answer["changed"], request))


def _replay(t, held, patches):
    """What a plain model makes of the patches in the order of their generations."""
    for generation, changed, request in sorted(patches, key=lambda patch: patch[0]):
        count = 0
        for name, pods in request.get("remove", {}).items():
            for pod in pods:
                t.check(held.get(pod, name) == name,
                        "generation %d took %s from %s" % (generation, pod, name))
                count += held.pop(pod, None) is not None
        for name, pods in request.get("add", {}).items():
            for pod in pods:
                t.check(held.get(pod, name) == name,
                        "generation %d gave %s to %s" % (generation, pod, name))
                count += pod not in held
                held[pod] = name
        t.equal(changed, count, "changed by generation %d, %s" % (generation, request))
    return held


def _pods(rig):
    """Whose each pod is, as the gateway says."""
    held = {}
    for row in rig.gateway.call("namespaces.list")["rows"]:
        pods = set(row["pods"]) | set(row.get("pods_added", []))
        pods -= set(row.get("pods_removed", []))
        held.update({pod: row["name"] for pod in pods})
    return held


def test_eight_clients_patch_at_once(t):
    """Disjoint and shared pods, dry runs, stale generations: the end is what a model says."""
    rig = t.rig(headers_only=True).start()
    server, pod = rig.echo(), rig.pod()
    before = _pods(rig)
    questions = Questions(pod, server, gap_s=0.005)
    patchers = [Patcher(number, rig.gateway.client()) for number in range(CLIENTS)]
    for patcher in patchers:
        patcher.join(60)
        t.equal(patcher.fault, None, "a client")
    patches = [patch for patcher in patchers for patch in patcher.committed]
    generations = sorted(generation for generation, _, _ in patches)
    t.equal(generations, list(range(2, len(patches) + 2)), "each change has its own generation")
    t.check(len(patches) > CLIENTS * 20, "only %d patches changed anything" % len(patches))
    t.check(sum(patcher.refused for patcher in patchers) > 0, "nothing was in conflict")
    t.equal(_pods(rig), _replay(t, before, patches), "pods at the end")
    lost = questions.finish()
    t.equal(lost[:20], [], "questions without an answer (of %d)" % questions.asked)


if __name__ == "__main__":
    main()
