"""Links in the documentation lead somewhere.

A relative link names a file of this repository. Where its text is a name in code quotes and its
target is a source file, that file must know the name: so docs/walk.md moves with the code.
"""

import pathlib
import re
import tempfile

import tree

LINK = re.compile(r"\[(`?)([^\]`]*)`?\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def problem_with(root, page, quoted, text, target):
    """What is wrong with one link, or None."""
    if re.match(r"[a-z]+:", target):
        return None
    path = (root / page).parent / target.partition("#")[0]
    if not path.exists():
        return f"{target} does not exist"
    if quoted and path.is_file() and path.suffix in tree.CPP:
        name = re.split(r"[(<]", text)[0].split("::")[-1].removeprefix("~")
        known = re.search(rf"\b{re.escape(name)}\b", path.read_text(encoding="utf-8"))
        if not known and name not in path.name:
            return f"{target} does not hold `{name}`"
    return None


def check(root):
    for page in tree.files(root, (".md",)):
        text = FENCE.sub(lambda m: re.sub(r"[^\n]", " ", m.group(0)), tree.read(root, page))
        for match in LINK.finditer(text):
            problem = problem_with(root, page, *match.groups())
            if problem:
                yield f"{page}:{text.count(chr(10), 0, match.start()) + 1}: {problem}"


def self_test():
    page = ("[`Walk::turn()`](../run/walk.h) [other](a.md#part) [`walk.h`](../run/walk.h)\n"
            "[out](https://example.com/x)\n```\n[none](nowhere.md)\n```\n")
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)
        header = "class Walk {\n  int turn();\n};\n"
        tree.write_files(root, {"docs/a.md": page, "run/walk.h": header})
        tree.expect(not list(check(root)), f"good links are refused: {list(check(root))}")
        for bad in ("[gone](b.md)", "[`Walk::stop()`](../run/walk.h)"):
            tree.write_files(root, {"docs/a.md": f"line\n{bad}\n"})
            problems = list(check(root))
            tree.expect(len(problems) == 1 and problems[0].startswith("docs/a.md:2:"),
                        f"{bad} gives {problems}")


if __name__ == "__main__":
    tree.main(check, self_test)
