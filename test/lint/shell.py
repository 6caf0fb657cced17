"""Every shell script parses, and shellcheck finds nothing that it warns about."""

import pathlib
import re
import subprocess
import tempfile

import tree

SHEBANG = re.compile(r"#!.*\b(bash|sh)\b")


def scripts(root):
    """(name, shell) of every shell script."""
    for name in tree.files(root):
        first = (tree.read(root, name) or "").split("\n", 1)[0]
        match = SHEBANG.match(first)
        if match:
            yield name, match.group(1)
        elif name.endswith(".sh"):
            yield name, "bash"


def check(root):
    for name, shell in scripts(root):
        for command in (["bash", "-n", name],
                        ["shellcheck", "-f", "gcc", "-S", "warning", "-s", shell, name]):
            ran = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
            if ran.returncode != 0:
                yield from (ran.stdout + ran.stderr).strip().split("\n")
                break


def self_test():
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)
        tree.write_files(root, {"good.sh": '#!/bin/sh\necho "$1"\n', "text.md": "if then fi\n"})
        tree.expect(not list(check(root)), "a good script is refused")
        tree.write_files(root, {"unparsed": "#!/usr/bin/env bash\nif true; then\n"})
        tree.expect(any("unparsed" in p for p in check(root)), "a script that ends early passes")
        (root / "unparsed").unlink()
        tree.write_files(root, {"unset.sh": '#!/bin/sh\ncd "$1"\nrm -r "$unset/"*\n'})
        tree.expect(any("unset.sh" in p for p in check(root)), "shellcheck is not heard")


if __name__ == "__main__":
    tree.main(check, self_test)
