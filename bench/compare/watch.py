"""What goes on beside a trial: stolen time, waiting threads, and the calibration loops."""
import contextlib
import os
import subprocess
import time


def parse_cpu_line(line):
    """(stolen ticks, all ticks) of a "cpu" line of /proc/stat; guests are in user already."""
    ticks = [int(word) for word in line.split()[1:9]]
    return ticks[7], sum(ticks)


def stolen_time():
    with open("/proc/stat", encoding="ascii") as file:
        return parse_cpu_line(file.readline())


def share_stolen(before, after):
    return (after[0] - before[0]) / max(1, after[1] - before[1])


def cpu_ticks(cpu, text=None):
    """{state: ticks} of one CPU."""
    if text is None:
        with open("/proc/stat", encoding="ascii") as file:
            text = file.read()
    names = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
    for line in text.splitlines():
        words = line.split()
        if words and words[0] == "cpu%d" % cpu:
            return dict(zip(names, map(int, words[1:9])))
    raise RuntimeError("no cpu%d in /proc/stat" % cpu)


def threads_of(pid, name):
    """Threads of a process whose name begins with `name`, as folders of /proc."""
    found = []
    with contextlib.suppress(OSError):
        for thread in os.listdir("/proc/%d/task" % pid):
            folder = "/proc/%d/task/%s" % (pid, thread)
            with contextlib.suppress(OSError), open(folder + "/comm", encoding="utf-8") as file:
                if file.read().startswith(name):
                    found.append(folder)
    return found


def parse_schedstat(text):
    """Seconds that a thread waited for a CPU: "RUNNING_NS WAITING_NS TIMES"."""
    return int(text.split()[1]) / 1e9


def waited(folders):
    total = 0.0
    for folder in folders:
        with contextlib.suppress(OSError), open(folder + "/schedstat", encoding="ascii") as file:
            total += parse_schedstat(file.read())
    return total


class Loops:
    """compare-calibrate on the CPU that measures."""

    def __init__(self, start, program, cpu):
        """`start`: as subprocess.Popen."""
        self._process = start(program, str(cpu), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True, bufsize=1)
        self.tsc_hz = 0.0

    def measure(self):
        """(cycles of an ALU step, cycles of a step of the pointer chase)."""
        self._process.stdin.write("\n")
        alu, chase, self.tsc_hz = map(float, self._process.stdout.readline().split())
        return alu, chase


class Clock:
    """The time that something took, by `with`."""

    def __enter__(self):
        self._begin = time.monotonic()
        self.seconds = 0.0
        return self

    def __exit__(self, *_):
        self.seconds = time.monotonic() - self._begin
