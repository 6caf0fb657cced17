"""The result as JSON: every trial, the figures of every peer, the table, and where it was measured.

"peers" is what `postern-bench plot` draws: {"name", "case", "port", "sessions",
"cycles_per_packet", "net_cycles_per_packet", "interval" of the net cycles}.
"""
import dataclasses
import json
import os
import platform
import re
import subprocess

import figures
import rows

CASES = {"linux-nft": ("snat", "veth"), "ovs-dpdk": ("snat", "net_pcap"),
         "ovs-dpdk-marked": ("snat", "net_pcap"), "postern-nat-out": ("nat-out", "net_pcap"),
         "postern-nat-in": ("nat-in", "net_pcap")}


def case_of(contestant):
    """(case, port kind)"""
    return CASES.get(contestant) or (contestant.partition("-")[2], "net_pcap")


def first_line(*command):
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except OSError:
        return None
    return (said.stdout.strip().splitlines() or [None])[0]


def package_version(package):
    return first_line("dpkg-query", "--show", "--showformat=${Version}", package)


def memory_lines(text):
    """{name: kB or count} of the huge page lines of /proc/meminfo."""
    return {name: int(value) for name, value in re.findall(r"^(Huge\w+):\s+(\d+)", text,
                                                           re.MULTILINE)}


def environment(setting):
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        cpuinfo = file.read()
    with open("/proc/meminfo", encoding="ascii") as file:
        meminfo = file.read()
    model = re.search(r"^model name\s*:\s*(.*)$", cpuinfo, re.MULTILINE)
    flags = re.search(r"^flags\s*:\s*(.*)$", cpuinfo, re.MULTILINE)
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
    return {"cpu": model and model[1], "flags": flags and flags[1].split(),
            "cpus": os.cpu_count(), "worker_cpu": setting.worker_cpu,
            "main_cpu": setting.main_cpu, "tsc_hz": setting.tsc_hz,
            "kernel": platform.release(), "huge_pages": setting.huge_pages,
            "memory": memory_lines(meminfo), "load": os.getloadavg(),
            "packages": {name: package_version(name) for name in (
                "dpdk-dev", "openvswitch-switch-dpdk", "nftables", "iproute2")},
            "commit": first_line("git", "-c", "safe.directory=*", "-C", root, "describe",
                                 "--always", "--dirty"),
            "postern_port": setting.postern_port}


def peers_of(all_trials, measured):
    """The figures of every contestant at every number of sessions."""
    for name, sessions in sorted({(trial.contestant, trial.sessions) for trial in all_trials}):
        total = figures.figure_of(measured.cycles(name, sessions).values())
        if total is None:
            continue
        net = figures.figure_of(measured.net(name, sessions).values())
        case, port = case_of(name)
        for trial in all_trials:
            if trial.contestant == name and "port" in trial.figures:
                port = trial.figures["port"]
        yield {"name": name, "case": case, "port": port, "sessions": sessions,
               "cycles_per_packet": total.value, "cycles_interval": [total.low, total.high],
               "net_cycles_per_packet": net and net.value,
               "interval": net and [net.low, net.high], "trials": total.count,
               "disturbed": (name, sessions) in measured.disturbed}


def write(path, all_trials, measured, where, interrupted):
    result = {"peers": list(peers_of(all_trials, measured)),
              "rows": list(rows.as_json(measured)),
              "trials": [dict(dataclasses.asdict(trial), counts=trial.counts)
                         for trial in all_trials],
              "interrupted": interrupted, "environment": where}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)
        file.write("\n")
