"""The table of drop reasons in docs/operating.md is the list in dataplane/packet/reason.h.

`reasons.py --write` writes the table anew.
"""

import ast
import pathlib
import re
import sys
import tempfile

import tree

LIST = "dataplane/packet/reason.h"
PAGE = "docs/operating.md"
BEGIN = "<!-- drop reasons: written by test/lint/reasons.py --write -->\n"
END = "<!-- end of drop reasons -->\n"

STRING = r'"(?:\\.|[^"\\])*"'
ENTRY = re.compile(rf"X\((k\w+),\s*({STRING}),\s*((?:{STRING}\s*)+),\s*((?:{STRING}\s*)+)\)")


def words(literals):
    """The text of adjacent C++ string literals."""
    return "".join(ast.literal_eval(literal) for literal in re.findall(STRING, literals))


def listed(root):
    """(name, text, advice) of every reason, in the order of the list."""
    text = tree.read(root, LIST).replace("\\\n", "\n")
    return [tuple(map(words, match.groups()[1:])) for match in ENTRY.finditer(text)]


def table(root):
    """The table as it should stand in the page."""
    rows = [f"| `{name}` | {text} | {advice} |" for name, text, advice in listed(root)]
    head = ["", "| Reason | What happened | What to do |", "|---|---|---|"]
    return "\n".join([*head, *rows, "", ""])


def around(page):
    """The page up to the table, the table, and what follows it."""
    before, begin, rest = page.partition(BEGIN)
    inside, end, after = rest.partition(END)
    return before + begin, inside, end + after


def check(root):
    if len(listed(root)) != len(re.findall(r"\bX\(k", tree.read(root, LIST))):
        yield f"{LIST}:1: an entry of the list is not understood"
    before, inside, after = around(tree.read(root, PAGE))
    if not before.endswith(BEGIN) or not after.startswith(END):
        yield f"{PAGE}:1: the marks around the table of drop reasons are missing"
        return
    at = before.count("\n") + 1
    want, have = table(root).splitlines(), inside.splitlines()
    for line in want:
        if line not in have:
            yield f"{PAGE}:{at}: lacks (reasons.py --write): {line}"
    for line in have:
        if line not in want:
            yield f"{PAGE}:{at}: holds, but the list does not: {line}"
    if sorted(want) == sorted(have) and want != have:
        yield f"{PAGE}:{at}: not in the order of the list"


def write(root):
    before, _, after = around(tree.read(root, PAGE))
    (root / PAGE).write_text(before + table(root) + after, encoding="utf-8")


def self_test():
    reason = ('#define LIST(X) \\\n  X(kA, "a-b", "It is \\"a\\".", \\\n    "Do " \\\n    "b.")'
              ' \\\n  X(kB, "b", "B.", "None.")\n')
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)
        tree.write_files(root, {LIST: reason, PAGE: f"# Page\n{BEGIN}{END}after\n"})
        tree.expect(len(list(check(root))) > 2, "an empty table passes")
        write(root)
        page = tree.read(root, PAGE)
        tree.expect('| `a-b` | It is "a". | Do b. |' in page and page.endswith("after\n"), page)
        tree.expect(not list(check(root)), "a table just written is refused")
        for old, new in (("Do b.", "Do c."), ("| `b` | B. | None. |\n", ""), (END, "")):
            tree.write_files(root, {PAGE: page.replace(old, new)})
            tree.expect(list(check(root)), f"{old!r} changed to {new!r} passes")
        tree.write_files(root, {PAGE: page, LIST: reason.replace('"b", "B."', 'kName, "B."')})
        tree.expect(any("understood" in p for p in check(root)), "an odd entry passes")


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        write(tree.ROOT)
    else:
        tree.main(check, self_test)
