"""What no file may hold: marks of unfinished work, paths of one machine, and untidy lines."""

import pathlib
import re
import tempfile

import tree

# Written in pieces, so that this file passes its own test.
UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
MACHINE = re.compile(r"(/ho" + r"me|/Use" + r"rs)/\w+|/tmp/w" + r"t/")
MAX_COLUMNS = 100
TIDY = (*tree.CPP, ".py", ".sh", ".cmake", "CMakeLists.txt", ".conf")
BINARY = (".pcap", ".png")


def line_problems(root, name, line):
    if UNFINISHED.search(line):
        yield "unfinished: do it, or say in the documentation that it is not there"
    if MACHINE.search(line) or (len(str(root)) > 1 and f"{root}/" in line):
        yield "a path of one machine"
    if not name.endswith(TIDY):
        return
    if line != line.rstrip():
        yield "blanks at the end of the line"
    if "\t" in line:
        yield "a tab"
    if len(line) > MAX_COLUMNS:
        yield f"{len(line)} columns, more than {MAX_COLUMNS}"


def check(root):
    for name in tree.files(root):
        if name.startswith("test/fuzz/corpus/") or name.endswith(BINARY):
            continue
        text = tree.read(root, name)
        if text is None:
            yield f"{name}:1: not UTF-8"
            continue
        if text and not text.endswith("\n"):
            yield f"{name}:{text.count(chr(10)) + 1}: no newline at the end"
        for number, line in enumerate(text.split("\n"), 1):
            for problem in line_problems(root, name, line):
                yield f"{name}:{number}: {problem}"


def self_test():
    bad = {
        "a.cc": "// TO" + "DO later\n",
        "b.md": "XX" + "X\n",
        "c.sh": "cd /ho" + "me/somebody\n",
        "d.py": "a = 1 \n",
        "e.cc": "\tint a;\n",
        "f.h": "// " + "a" * 98 + "\n",
        "g.conf": "a = 1;",
    }
    good = {
        "h.md": "A " + "long " * 40 + "line of text.\n",
        "i.sh": "mktemp -d postern.XX" + "XXXX\n",
        "j.cc": "// " + "a" * 97 + "\n",
    }
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)
        tree.write_files(root, {**bad, **good})
        tree.write_files(root, {"k.md": f"{root}/file\n"})
        named = sorted(problem.split(":")[0] for problem in check(root))
        tree.expect(named == [*sorted(bad), "k.md"], f"refused {named}")


if __name__ == "__main__":
    tree.main(check, self_test)
