"""clang-tidy finds nothing in the product and the benchmarks, and clang has no warning about them.

Takes minutes, so it is a nightly test: check.sh --nightly.
"""

import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import tree

ROOMS = ("dataplane/", "config/", "control/", "bench/")


def findings(root, build, name):
    """What clang-tidy complains of in one file and in our headers that it includes."""
    ran = subprocess.run(["clang-tidy", "--quiet", "-p", str(build), name], cwd=root,
                         capture_output=True, text=True, check=False)
    places = re.findall(r"^(\S+:\d+):\d+: (?:error|warning): (.*)$", ran.stdout, re.MULTILINE)
    if ran.returncode != 0 and not places:
        return [f"{name}:1: {ran.stdout}{ran.stderr}"]
    return [f"{place.removeprefix(f'{root}/')}: {what}" for place, what in places]


def check(root, build):
    build = pathlib.Path(build).resolve()
    commands = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    paths = (pathlib.Path(entry["file"]).relative_to(root) for entry in commands)
    names = sorted({str(path) for path in paths if str(path).startswith(ROOMS)})
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(lambda name: findings(root, build, name), names)
        yield from dict.fromkeys(problem for problems in found for problem in problems)


def self_test():
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory).resolve()
        shutil.copy(tree.ROOT / ".clang-tidy", root)
        tree.write_files(root, {
            "config/good.cc": "int half(int a) { return a / 2; }\n",
            "config/bad.cc": "int f(int a) {\n  if (a = 1) return 2;\n  return a;\n}\n",
            "compile_commands.json": json.dumps([
                {"directory": directory, "file": f"{root}/config/{name}.cc",
                 "command": f"g++ -Wall -c config/{name}.cc"} for name in ("good", "bad")]),
        })
        problems = list(check(root, root))
        tree.expect(problems and all(p.startswith("config/bad.cc:2") for p in problems),
                    f"an assignment as a condition gives {problems}")


if __name__ == "__main__":
    tree.main(check, self_test, options=("build",))
