"""The files that the lint tests look at, C++ text without its comments, and how a check reports."""

import argparse
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CPP = (".h", ".cc")


def files(root, suffixes=None):
    """Paths below root, relative to it: what git tracks or would track; all files without git."""
    command = ["git", "-c", "safe.directory=*", "-C", str(root), "ls-files", "-z", "--cached",
               "--others", "--exclude-standard", "--deduplicate"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    if listed.returncode == 0 and (root / ".git").exists():
        names = [name for name in listed.stdout.split("\0") if name]
    else:
        names = list(walk(root))
    return sorted(name for name in names if (root / name).is_file()
                  and (suffixes is None or name.endswith(tuple(suffixes))))


def walk(root):
    """Every file below root, but for build trees and caches."""
    for directory, below, names in os.walk(root):
        below[:] = [name for name in below if name not in ("build", ".git", "__pycache__")]
        for name in names:
            yield str(pathlib.Path(directory, name).relative_to(root))


def read(root, name):
    """The file's text, or None where it is not text."""
    try:
        return (root / name).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


TOKEN = re.compile(
    r"""//[^\n]*                                  # comment to the end of the line
      | /\*.*?\*/                                 # comment
      | R"([^()\\\s]*)\(.*?\)\1"                  # raw string
      | "(?:\\.|[^"\\\n])*"                       # string
      | (?<![0-9a-zA-Z_])'(?:\\.|[^'\\\n])+'      # character; not a digit separator
    """, re.DOTALL | re.VERBOSE)


def code_only(text):
    """C++ text of the same length and lines, comments and contents of strings blanked."""

    def blank(match):
        token = match.group(0)
        quoted = token[0] in "\"'R"
        kept = re.sub(r"[^\n]", " ", token)
        return '"' + kept[1:-1] + '"' if quoted else kept

    return TOKEN.sub(blank, text)


def main(check, self_test, options=()):
    """Runs check(root), which yields problems as lines; with --self-test the check's own test.

    Each name in options is an argument --NAME VALUE that check takes as a keyword.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--self-test", action="store_true", help="show that the check can fail")
    for option in options:
        parser.add_argument(f"--{option}")
    arguments = parser.parse_args()
    if arguments.self_test:
        self_test()
        return
    problems = list(check(ROOT, **{option: getattr(arguments, option) for option in options}))
    for problem in problems:
        print(problem)
    if problems:
        sys.exit(f"{len(problems)} problem(s)")


def expect(condition, what):
    """Ends a self test with a sentence where the condition does not hold."""
    if not condition:
        sys.exit(f"self test: {what}")


def write_files(root, contents):
    """Writes {name: text} below root: the little trees of the self tests."""
    for name, text in contents.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
