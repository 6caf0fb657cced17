#!/usr/bin/env python3
"""Instructions per packet of the walk, against those that the repository says it takes.

    bench/instructions.py [--build DIR]            compares: at most 3 % more, else it fails
    bench/instructions.py [--build DIR] --write    builds, counts, and writes instructions.json

Counted under callgrind, which has no AVX-512, so what is counted is the x86-64-v3 code, on every
machine. bench/hot_traffic.h says what the cases are; the same packets walk every time, so the same
program gives the same counts to a fraction of an instruction. Another compiler makes another
program: g++ of the same major version is compared (the 3 % have room for its point releases), with
any other compiler there is nothing to compare with, and the check is skipped.

Whoever writes new counts that are more than 3 % up says in the commit what they buy.

Exit status: 0 as it should be, 1 not, 77 skipped.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

BENCH = pathlib.Path(__file__).resolve().parent
BASELINE = BENCH / "instructions.json"
CASES = ("nat-out", "nat-in", "mix", "tcp", "first")
ALLOWED_PERCENT = 3
SKIPPED = 77


def count(program, case):
    """Instructions a packet."""
    with tempfile.TemporaryDirectory() as directory:
        command = ["valgrind", "--tool=callgrind", "--collect-atstart=no",
                   "--toggle-collect=*counted_walk*",
                   f"--callgrind-out-file={directory}/callgrind.out", str(program), "walk", case]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    packets = re.search(r"^packets: (\d+)$", done.stdout, re.MULTILINE)
    collected = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or not packets or not collected or int(collected.group(1)) == 0:
        sys.exit(f"{case}: callgrind counted nothing:\n{done.stdout}{done.stderr}")
    return round(int(collected.group(1)) / int(packets.group(1)), 1)


def count_all(program):
    """One after the other where there is one CPU."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(CASES, pool.map(lambda case: count(program, case), CASES)))


def settings(build):
    """What the counts depend on besides the source: compiler, build type, instruction set."""
    cache = (build / "CMakeCache.txt").read_text(encoding="utf-8")
    found = dict(re.findall(r"^(\w+):\w+=(.*)$", cache, re.MULTILINE))
    version = next(build.glob("CMakeFiles/*/CMakeCXXCompiler.cmake")).read_text(encoding="utf-8")
    compiler = dict(re.findall(r'^set\((CMAKE_CXX_COMPILER_(?:ID|VERSION)) "(.*)"\)$', version,
                               re.MULTILINE))
    return {"compiler": f"{compiler['CMAKE_CXX_COMPILER_ID']} "
                        f"{compiler['CMAKE_CXX_COMPILER_VERSION']}",
            "build": found.get("CMAKE_BUILD_TYPE", ""), "march": found.get("POSTERN_MARCH", "")}


def differences(wanted, found):
    """Lines for people, each with whether the case takes more than it may."""
    for case in CASES:
        if case not in wanted:
            yield f"{case:8} {found[case]:8.1f}  not in {BASELINE.name}: write it", True
            continue
        percent = 100 * (found[case] / wanted[case] - 1)
        word = ""
        if percent > ALLOWED_PERCENT:
            word = f"  MORE than {ALLOWED_PERCENT} % up"
        elif percent < -ALLOWED_PERCENT:
            word = "  fewer: write it down, or it may creep back"
        yield f"{case:8} {found[case]:8.1f}  {wanted[case]:8.1f} before  {percent:+5.1f} %{word}", \
            percent > ALLOWED_PERCENT


def comparable(one, other):
    """Whether counts of both settings may be compared: same major version of the compiler."""
    same = all(one[key] == other[key] for key in ("build", "march"))
    return same and one["compiler"].split(".")[0] == other["compiler"].split(".")[0]


def compare(program, here):
    baseline = json.loads(BASELINE.read_text(encoding="utf-8"))
    if not comparable(baseline["settings"], here):
        print(f"counted with {baseline['settings']}, built here with {here}: no comparison")
        return SKIPPED
    failed = False
    print("instructions a packet")
    for line, too_many in differences(baseline["instructions_per_packet"], count_all(program)):
        print(line)
        failed = failed or too_many
    if failed:
        print("If they are worth it, bench/instructions.py --write, and say in the commit why.")
    return 1 if failed else 0


def self_test():
    """The comparison can fail, and fails for nothing else."""
    before = {case: 1000.0 for case in CASES}
    for change, good in ((1.0, True), (1.029, True), (1.031, False), (0.9, True)):
        failed = any(bad for _, bad in differences(before, before | {"tcp": 1000.0 * change}))
        assert failed != good, change
    assert any(bad for _, bad in differences({}, before))
    one = {"compiler": "GNU 12.2.0", "build": "Release", "march": "x86-64-v3"}
    assert comparable(one, one | {"compiler": "GNU 12.4.0"})
    assert not comparable(one, one | {"compiler": "GNU 13.2.0"})
    assert not comparable(one, one | {"compiler": "Clang 12.2.0"})
    assert not comparable(one, one | {"march": "native"})
    assert not comparable(one, one | {"build": "Debug"})
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=BENCH.parent / "build/release")
    parser.add_argument("--write", action="store_true", help="count and write instructions.json")
    parser.add_argument("--self-test", action="store_true")
    arguments = parser.parse_args()
    if arguments.self_test:
        return self_test()
    if not shutil.which("valgrind"):
        print("valgrind is not installed: apt-get install valgrind")
        return SKIPPED
    program = arguments.build / "bin/hot_path"
    here = settings(arguments.build)
    if not arguments.write:
        return compare(program, here)
    subprocess.run(["cmake", "--build", arguments.build, "--target", "hot_path"], check=True)
    counts = {"settings": here, "instructions_per_packet": count_all(program)}
    BASELINE.write_text(json.dumps(counts, indent=2) + "\n", encoding="utf-8")
    print(BASELINE.read_text(encoding="utf-8"), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
