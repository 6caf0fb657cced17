"""Configurations in the documentation and in config/examples/ pass `postern --check`.

An example of what this version cannot do has a list beside it, NAME.not-yet: the errors that it
gets, without file and line. It must get exactly these, and each must say "not supported yet".
"""

import pathlib
import re
import shutil
import subprocess
import tempfile

import tree

BLOCK = re.compile(r"^```\w*\n(version\s*=.*?)^```", re.MULTILINE | re.DOTALL)


def configurations(root):
    """(page, line in it, text) of every whole configuration."""
    for page in tree.files(root, (".md",)):
        text = tree.read(root, page)
        for match in BLOCK.finditer(text):
            yield page, text.count("\n", 0, match.start(1)), match.group(1)
    for name in tree.files(root, (".cfg",)):
        if name.startswith("config/examples/"):
            yield name, 0, tree.read(root, name)


def refusals(root, name):
    """The errors that an example must get, in any order; none without a list."""
    path = root / name.replace(".cfg", ".not-yet")
    if not name.endswith(".cfg") or not path.exists():
        return []
    return sorted(path.read_text(encoding="utf-8").splitlines())


def unexpected(path, said, listed):
    """What is wrong with what postern said of an example that has a list."""
    got = sorted(re.sub(rf"^{re.escape(path)}:\d+: error: ", "", line)
                 for line in said.splitlines())
    for error in got:
        if error not in listed:
            yield f"refused for more than its list has: {error}"
    for error in listed:
        if error not in got:
            yield f"its list has what is not refused any more: {error}"
        elif ": not supported yet" not in error:
            yield f"its list has an error that is none of this version: {error}"


def check(root, postern):
    found = False
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory, "example.cfg")
        for page, line, text in configurations(root):
            found = True
            path.write_text(text, encoding="utf-8")
            ran = subprocess.run([postern, "--check", "-c", str(path)], capture_output=True,
                                 text=True, check=False)
            listed = refusals(root, page)
            if listed:
                for problem in unexpected(str(path), (ran.stdout + ran.stderr).strip(), listed):
                    yield f"{page}:1: {problem}"
                continue
            if ran.returncode == 0:
                continue
            said = (ran.stdout + ran.stderr).strip() or f"exit status {ran.returncode}"
            yield re.sub(rf"^{re.escape(str(path))}:(\d+):",
                         lambda m, p=page, at=line: f"{p}:{at + int(m.group(1))}:",
                         said, flags=re.MULTILINE)
    if not found:
        yield "README.md:1: no configuration in the documentation"


def self_test():
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)
        judge = root / "judge"  # complains of line 2 where it holds the word bad
        tree.write_files(root, {
            "judge": '#!/bin/sh\n! grep -q bad "$3" || { echo "$3:2: error: a: bad"; exit 1; }\n',
            "README.md": "# Read\n\n```\nversion = 1;\ngood = 1;\n```\n```\necho bad\n```\n"})
        judge.chmod(0o755)
        tree.expect(not list(check(root, str(judge))), "a good example is refused")
        tree.write_files(root, {"docs/a.md": "text\n```\nversion = 1;\nbad = 1;\n```\n"})
        problems = list(check(root, str(judge)))
        tree.expect(problems == ["docs/a.md:4: error: a: bad"], f"a bad example gives {problems}")
        shutil.rmtree(root / "docs")
        name = "config/examples/b"
        tree.write_files(root, {name + ".cfg": "bad\n", name + ".not-yet": "a: bad\n"})
        tree.expect(len(list(check(root, str(judge)))) == 1, "a list of any errors passes")
        judge.write_text("#!/bin/sh\necho \"$3:2: error: a: not supported yet\"; exit 1\n")
        (root / "README.md").unlink()
        tree.write_files(root, {name + ".not-yet": "a: not supported yet\n"})
        tree.expect(not list(check(root, str(judge))), "a listed refusal is complained of")
        tree.write_files(root, {name + ".not-yet": "b: not supported yet\n"})
        tree.expect(len(list(check(root, str(judge)))) == 2, "an old list passes")
        shutil.rmtree(root / "config")
        tree.expect(list(check(root, str(judge))), "no example at all passes")


if __name__ == "__main__":
    tree.main(check, self_test, options=("postern",))
