#!/usr/bin/python3
"""How long changes take in a gateway of full size, under traffic: 100,000 pods in 5,000 namespaces,
1,000 nodes, 1,000 egress addresses, 10,000 rules.

  sudo bench/scale.py [--bin DIR] [--seconds 10] [--rate 1000] [--state]

Prints time and peak memory of `postern --check`, the time of config.check and config.apply, what
one patch of one pod takes at that rate until every worker has it (median, 99th percentile, worst),
how long another client waits meanwhile, and how many questions of the pods stayed without an
answer. Needs root: it makes network namespaces, as the system tests do, and uses their rig.
"""
import os
import resource
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../test/system"))

from changes import Questions  # noqa: E402
from rig import case, large, settings  # noqa: E402
from rig.clients import Bystander, Patcher  # noqa: E402
from rig.ground import signals_raise, sweep  # noqa: E402


def quantiles(values):
    ordered = sorted(values)
    return tuple(ordered[min(len(ordered) - 1, int(len(ordered) * q))] / 1000
                 for q in (0.5, 0.99, 1.0))


def timed(call, **params):
    begin = time.monotonic()
    call(**params)
    return time.monotonic() - begin


def check_figures(rig, path):
    """Seconds and peak MiB of --check."""
    begin = time.monotonic()
    subprocess.run([rig.gateway.program("postern"), "--check", "-c", path], check=True,
                   stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - begin
    return seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def met_during(rig, server, work, asks="tunnels.list"):
    """Says what traffic and another client meet while `work` runs."""
    pods = [rig.pod("payments", 1), rig.pod("web", 2)]
    questions = [Questions(pod, server, gap_s=0.004) for pod in pods]
    bystander = Bystander(rig.gateway.client(), asks)
    time.sleep(1)
    work()
    unanswered = sum(len(each.finish()) for each in questions)
    print("  meanwhile %d questions, %d without an answer" % (
        sum(each.asked for each in questions), unanswered))
    print("  another client waited %.2f ms (median), %.2f ms (99 %%), %.2f ms (worst)" %
          quantiles(bystander.finish()))


def resident_mib(pid):
    with open("/proc/%d/statm" % pid, encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20


def measure(test, options):
    rig = test.rig(headers_only=True)
    over = {"gateway": {"name": "gw-test", "control_socket": rig.gateway.socket_path}}
    if options.state:
        over["gateway"]["state_dir"] = rig.ground.folder
    models = [large.grow(rig.model(**over), shift=shift) for shift in (0, 28)]
    paths = [rig.ground.path("%d.cfg" % n) for n in range(2)]
    for path, model in zip(paths, models):
        with open(path, "w", encoding="utf-8") as file:
            file.write(settings.text(model))
        rig.learn(model)
    print("postern --check: %.2f s, %.0f MiB at most" % check_figures(rig, paths[0]))
    rig.gateway.write(models[0])
    rig.restart()
    server, call = rig.echo(), rig.gateway.call
    print("config.check: %.2f s" % timed(lambda: call("config.check", path=paths[1])))
    print("no changes, for comparison")
    met_during(rig, server, lambda: time.sleep(options.seconds))

    def replace():
        for path in (paths[1], paths[0]):
            print("config.apply, every pod another: %.2f s" % timed(
                lambda: call("config.apply", path=path)))
    met_during(rig, server, replace)
    patcher = Patcher(rig.gateway.socket_path, options.rate, options.seconds)
    before = resident_mib(rig.gateway.pid)

    def patch():
        patcher.start()
        patcher.join()
        print("%d patches of one pod at %d/s, %d refused" % (
            options.rate * options.seconds, options.rate, len(patcher.faults)))
    met_during(rig, server, patch)
    print("  visible after %.2f ms (median), %.2f ms (99 %%), %.2f ms (worst)" %
          quantiles(patcher.visible_us))
    print("  answered after %.2f ms (median), %.2f ms (99 %%), %.2f ms (worst)" %
          quantiles(patcher.answered_us))
    print("  resident memory %.0f MiB before, %.0f MiB after" % (
        before, resident_mib(rig.gateway.pid)))


def run(line, measure):
    """Has `measure(test, options)` done as the command line says; what it made goes with it."""
    options = line.parse_args()
    options.bin = os.path.abspath(options.bin)
    sweep()
    test = case.Test(options)
    with signals_raise():
        try:
            measure(test, options)
        finally:
            test.close()


def main():
    line = case.parser(__doc__)
    line.add_argument("--seconds", type=int, default=10)
    line.add_argument("--rate", type=int, default=1000, help="patches a second")
    line.add_argument("--state", action="store_true", help="with gateway.state_dir")
    run(line, measure)


if __name__ == "__main__":
    main()
