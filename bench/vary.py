#!/usr/bin/env python3
"""What a benchmark says of other values of a constant.

    bench/vary.py dataplane/table/port_search.h kLongWalk 2,8,32 port_search_bench \\
                  --filter 'port_search/9000/0'

Builds the program once for each value, in a copy of the source tree, and runs the programs in turns
(A B C .. C B A), --rounds times there and back. Prints the median of --counter for each benchmark
and value, and by how much it differs from the first value's. What comes after -- goes to the
programs. --with FILE:CONSTANT has another constant follow. The copy ends with the run; --keep DIR
keeps the programs.

So every constant that says which benchmark chose it can be asked again, on any machine: the code
names the benchmark, this names the values.

Exit status: 0 measured, 1 could not be built or run, 2 usage.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
TIMES = ("real_time", "cpu_time")


class Failed(Exception):
    """Said to people; exit status 1."""


def with_value(text, constant, value):
    """The text of a header in which the constant has another value."""
    pattern = re.compile(r"(\bconstexpr\s+[\w:<>\s]+?\b%s\s*(?:=\s*|\{))([^;{}]+)(\}?\s*;)"
                         % re.escape(constant))
    found = pattern.findall(text)
    if len(found) != 1:
        raise Failed("%s is defined %d times there, and should be once" % (constant, len(found)))
    return pattern.sub(lambda match: match[1] + value + match[3], text)


def counters_of(text, counter):
    """{benchmark: value} of Google Benchmark's JSON."""
    said = {}
    for each in json.loads(text)["benchmarks"]:
        if "error_message" in each:
            raise Failed("%s: %s" % (each["name"], each["error_message"]))
        if counter not in each:
            raise Failed("%s has no counter \"%s\"; it has %s" % (
                each["name"], counter, ", ".join(
                    key for key, value in each.items() if isinstance(value, float))))
        said[each["name"]] = each[counter]
    return said


def table(values, samples):
    """Lines: a benchmark each, a column for each value. `samples`: {value: [{name: number}]}"""
    names = [name for name in samples[values[0]][0]
             if all(name in run for runs in samples.values() for run in runs)]
    width = max(len(name) for name in names)
    yield "%-*s" % (width, "") + "".join("%18s" % value for value in values)
    for name in names:
        medians = [statistics.median(run[name] for run in samples[value]) for value in values]
        cells = ["%18.1f" % medians[0]]
        for median in medians[1:]:
            percent = 100 * (median / medians[0] - 1) if medians[0] else 0
            cells.append("%10.1f %+5.1f %%" % (median, percent))
        yield "%-*s" % (width, name) + "".join(cells)


def copy_tree(to):
    """What git knows of, as it is in the working tree."""
    names = subprocess.run(["git", "-c", "safe.directory=*", "-C", str(ROOT), "ls-files", "-z"],
                           capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)


def changed(options, value):
    """{file: its text with the value}"""
    texts = {}
    for name, constant in [(options.file, options.constant), *options.follow]:
        if name not in texts:
            if not (ROOT / name).is_file():
                raise Failed("there is no " + name)
            texts[name] = (ROOT / name).read_text(encoding="utf-8")
        texts[name] = with_value(texts[name], constant, value)
    return texts


def run_quietly(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed("%s:\n%s" % (" ".join(command)[:200], (done.stdout + done.stderr)[-2000:]))
    return done.stdout


def build(options, tree):
    """{value: program}"""
    copy_tree(tree)
    run_quietly("cmake", "-S", str(tree), "-B", str(tree / "build"), "-G", "Ninja",
                "-D", "CMAKE_BUILD_TYPE=Release", "-D", "POSTERN_TESTS=OFF")
    programs = {}
    for value in options.values:
        for name, text in changed(options, value).items():
            (tree / name).write_text(text, encoding="utf-8")
        print("building %s with %s = %s" % (options.program, options.constant, value), flush=True)
        run_quietly("cmake", "--build", str(tree / "build"), "-j", str(options.jobs),
                    "--target", options.program)
        programs[value] = (options.keep or tree) / ("%s-%d" % (options.program, len(programs)))
        shutil.copy2(tree / "build/bin" / options.program, programs[value])
    return programs


def measure(options, programs):
    samples = {value: [] for value in options.values}
    arguments = ["--benchmark_filter=" + options.filter, "--benchmark_format=json", *options.more]
    for _ in range(options.rounds):
        for value in options.values + options.values[::-1]:
            said = run_quietly(str(programs[value]), *arguments)
            samples[value].append(counters_of(said, options.counter))
    return samples


def self_test():
    """The pure parts, and that nothing is guessed."""
    for text, wanted in (
            ("  static constexpr uint32_t kLongWalk = 8;\n", "= 32;"),
            ("constexpr unsigned kLongWalk{8};  // why\n", "{32};  // why"),
            ("inline constexpr uint64_t kLongWalk = 8 * kBurst;\n", "= 32;")):
        assert wanted in with_value(text, "kLongWalk", "32"), text
    for text in ("", "constexpr int kLongWalks = 8;\n",
                 "constexpr int kLongWalk = 8;\nconstexpr int kLongWalk = 9;\n"):
        try:
            with_value(text, "kLongWalk", "32")
            raise AssertionError(text)
        except Failed as failure:
            assert "times there" in str(failure)
    said = json.dumps({"benchmarks": [{"name": "a/1", "cycles": 10.0}, {"name": "b", "cycles": 4}]})
    assert counters_of(said, "cycles") == {"a/1": 10.0, "b": 4}
    try:
        counters_of(said, "bytes")
        raise AssertionError("no such counter")
    except Failed as failure:
        assert "no counter" in str(failure)
    lines = list(table(["8", "32"], {"8": [{"a": 100.0}, {"a": 110.0}, {"a": 90.0}],
                                     "32": [{"a": 150.0}, {"a": 149.0}, {"a": 151.0}]}))
    assert lines[0].split() == ["8", "32"], lines
    assert lines[1].split() == ["a", "100.0", "150.0", "+50.0", "%"], lines
    return 0


def file_and_constant(text):
    name, _, constant = text.partition(":")
    if not constant:
        raise argparse.ArgumentTypeError("FILE:CONSTANT is wanted")
    return name, constant


def parsed(arguments):
    line = argparse.ArgumentParser(description=__doc__,
                                   formatter_class=argparse.RawDescriptionHelpFormatter)
    line.add_argument("file", help="that defines the constant")
    line.add_argument("constant")
    line.add_argument("values", type=lambda text: text.split(","), metavar="VALUE,...",
                      help="the first is what the others are compared with")
    line.add_argument("program", help="a Google Benchmark program of bench/")
    line.add_argument("--with", dest="follow", action="append", default=[], metavar="FILE:CONSTANT",
                      type=file_and_constant,
                      help="gets the same values")
    line.add_argument("--filter", default=".", help="of its benchmarks")
    line.add_argument("--counter", default="cycles", help="default cycles")
    line.add_argument("--rounds", type=int, default=3, help="each is two runs; default 3")
    line.add_argument("--jobs", type=int, default=os.cpu_count(), help="of the compiler")
    line.add_argument("--keep", type=pathlib.Path, metavar="DIR", help="where programs stay")
    at = arguments.index("--") if "--" in arguments else len(arguments)
    options = line.parse_args(arguments[:at])
    options.more = arguments[at + 1:]
    return options


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    options = parsed(sys.argv[1:])
    try:
        changed(options, "0")  # complains before anything is built
        if options.keep:
            options.keep.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="postern-vary-") as folder:
            samples = measure(options, build(options, pathlib.Path(folder)))
    except Failed as failure:
        sys.exit("vary: %s" % failure)
    except KeyboardInterrupt:
        return 1
    print("\n%s by %s, medians of %d" % (options.counter, options.constant, 2 * options.rounds))
    for each in table(options.values, samples):
        print(each)
    return 0


if __name__ == "__main__":
    sys.exit(main())
