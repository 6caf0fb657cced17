#!/usr/bin/env python3
"""Whether what ctest runs of a Google Benchmark program has something of each of its families, so
that none can rot: `families.py PROGRAM FILTER`. A family is a benchmark's name without arguments.

Exit status: 0 yes, 1 no, with the families that are missing.
"""

import re
import subprocess
import sys


def families_of(text):
    """Of names as --benchmark_list_tests gives them: "find/1008/burst:64" is of "find"."""
    names = set()
    for line in text.splitlines():
        words = re.split(r"/", line.strip())
        kept = [word for word in words if word and not re.search(r"^\d+$|:", word)]
        names.add("/".join(kept))
    return names - {""}


def listed(program, *arguments):
    done = subprocess.run([program, "--benchmark_list_tests", *arguments], capture_output=True,
                          text=True, check=True)
    return families_of(done.stdout)


def main():
    assert families_of("a/find/1008/burst:64\na/find/8\nb\n\n") == {"a/find", "b"}
    program, selected = sys.argv[1:]
    missing = listed(program) - listed(program, "--benchmark_filter=" + selected)
    for family in sorted(missing):
        print("ctest runs nothing of", family)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
