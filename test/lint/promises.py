"""Every test that docs/promises.md names is there: `FILE: NAME`, or `FILE` alone."""

import pathlib
import re
import tempfile

import tree

PAGE = "docs/promises.md"
NAMED = re.compile(r"`([\w/]+\.(?:py|cc))(?:: (\w+))?`")


def tests(root):
    """Names of the tests, by file name; files of the rig and the like have none."""
    found = {}
    for name in tree.files(root, (".py", ".cc")):
        if not name.startswith("test/"):
            continue
        text = tree.read(root, name)
        names = re.findall(r"^ *def (test_\w+)\(", text, re.MULTILINE)
        names += re.findall(r"^TEST(?:_F|_P)?\(\s*\w+,\s*(\w+)\)", text, re.MULTILINE)
        found.setdefault(pathlib.Path(name).name, set()).update(names)
        found.setdefault(name, set()).update(names)
    return found


def check(root):
    there = tests(root)
    named = 0
    for number, line in enumerate(tree.read(root, PAGE).splitlines(), 1):
        for file, name in NAMED.findall(line):
            named += 1
            key = file if file in there else "test/system/" + file
            if key not in there:
                yield f"{PAGE}:{number}: there is no test {file}"
            elif name and name not in there[key]:
                yield f"{PAGE}:{number}: {file} has no test {name}"
        if re.match(r"\| [^|]+\|.*\|$", line) and "tests" not in line and not NAMED.search(line):
            yield f"{PAGE}:{number}: a promise without a test"
    if named == 0:
        yield f"{PAGE}:1: it names no test"


def self_test():
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)
        tree.write_files(root, {
            "test/system/a.py": "def test_one(t):\n    pass\n",
            "test/unit/b_test.cc": "TEST(B, Two) {\n}\nTEST_F(BTest, Three) {\n}\n",
            PAGE: "| promise | tests |\n|---|---|\n"
                  "| x | `a.py: test_one`, `b_test.cc: Two`, `b_test.cc: Three`, `b_test.cc` |\n"})
        tree.expect(not list(check(root)), f"a good page is refused: {list(check(root))}")
        for wrong in ("`a.py: test_two`", "`b_test.cc: Four`", "`c.py: test_one`", "nothing"):
            tree.write_files(root, {PAGE: f"`a.py`\n| x | {wrong} |\n"})
            tree.expect(len(list(check(root))) == 1, f"{wrong} passes: {list(check(root))}")
        tree.write_files(root, {PAGE: "text\n"})
        tree.expect(list(check(root)), "a page without tests passes")


if __name__ == "__main__":
    tree.main(check, self_test)
