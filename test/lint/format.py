"""Every C++ file is as clang-format leaves it."""

import pathlib
import re
import shutil
import subprocess
import tempfile

import tree


def check(root):
    names = tree.files(root, tree.CPP)
    if not names:
        return
    ran = subprocess.run(["clang-format", "--dry-run", "-Werror", *names], cwd=root,
                         capture_output=True, text=True, check=False)
    places = re.findall(r"^(\S+:\d+):\d+: (?:error|warning)", ran.stderr, re.MULTILINE)
    for place in dict.fromkeys(places):
        yield f"{place}: not as clang-format leaves it (clang-format -i)"
    if ran.returncode != 0 and not places:
        yield f"clang-format: {ran.stderr.strip()}"


def self_test():
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)
        shutil.copy(tree.ROOT / ".clang-format", root)
        tree.write_files(root, {"good.cc": "int f(int a) { return a; }\n"})
        tree.expect(not list(check(root)), "a formatted file is refused")
        tree.write_files(root, {"bad.cc": "int f( int a ){return a;}\n"})
        problems = list(check(root))
        tree.expect(problems and all(p.startswith("bad.cc:1:") for p in problems),
                    f"an unformatted file gives {problems}")


if __name__ == "__main__":
    tree.main(check, self_test)
