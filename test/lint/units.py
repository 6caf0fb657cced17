"""systemd finds nothing wrong with the units, and the user and group snippets parse.

Skipped where systemd is not installed: apt-get install systemd (nothing of it needs to run).
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import tree

UNITS = "docker/systemd/"
PLACE = re.compile(r"@(\w+)@(/\S*)")
SKIPPED = 77


def verify(paths):
    """Complaints of systemd-analyze about units, as (file name, text)."""
    ran = subprocess.run(["systemd-analyze", "verify", "--man=no", *map(str, paths)],
                         capture_output=True, text=True, check=False)
    said = [line for line in ran.stderr.splitlines() if any(p.name in line for p in paths)]
    if ran.returncode and not said:
        said = [f"{paths[0].name}: {ran.stderr.strip() or f'exit status {ran.returncode}'}"]
    return said


def made(root, directory):
    """The units below root as CMake makes them, with programs that are there."""
    for name in tree.files(root, (".service.in",)):
        if not name.startswith(UNITS):
            continue
        text = tree.read(root, name)
        for place in PLACE.findall(text):
            program = directory / "".join(place)
            program.parent.mkdir(parents=True, exist_ok=True)
            program.write_text("#!/bin/sh\n", encoding="ascii")
            program.chmod(0o755)
        unit = directory / pathlib.Path(name).name.removesuffix(".in")
        unit.write_text(PLACE.sub(rf"{directory}/\1\2", text), encoding="utf-8")
        yield unit


def users(root):
    """What systemd-sysusers and systemd-tmpfiles say of their snippets."""
    for name, command in (("sysusers.conf", ["systemd-sysusers", "--dry-run"]),
                          ("tmpfiles.conf", ["systemd-tmpfiles", "--dry-run", "--create"])):
        path = root / UNITS / name
        if not path.exists() or not shutil.which(command[0]):
            continue
        with tempfile.TemporaryDirectory() as empty:
            if command[0] == "systemd-tmpfiles":  # a dry run came after Debian 12's
                command = ["systemd-tmpfiles", f"--root={empty}", "--create"]
                (pathlib.Path(empty) / "etc").mkdir()
                (pathlib.Path(empty) / "etc/group").write_text("root:x:0:\npostern:x:900:\n")
                (pathlib.Path(empty) / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n")
            ran = subprocess.run([*command, str(path)], capture_output=True, text=True, check=False)
        if ran.returncode or re.search(r"\.conf:\d+:", ran.stderr):
            yield f"{UNITS}{name}:1: {ran.stderr.strip()}"


def check(root):
    with tempfile.TemporaryDirectory() as directory:
        units = list(made(root, pathlib.Path(directory)))
        if not units:
            yield f"{UNITS}:1: there is no unit"
            return
        for line in verify(units):
            yield f"{UNITS}{line.replace(directory, '')}"
    yield from users(root)


def self_test():
    good = ("[Service]\nType=notify\nExecStart=@BIN@/postern -c a\nProtectSystem=strict\n")
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)
        tree.expect(list(check(root)), "no unit at all passes")
        tree.write_files(root, {UNITS + "a.service.in": good,
                                UNITS + "sysusers.conf": 'u postern - "a gateway" /\n'})
        tree.expect(not list(check(root)), f"a good unit is refused: {list(check(root))}")
        for bad in (good.replace("ProtectSystem", "ProtectSytem"),
                    good.replace("strict", "strictly"), good.replace("Start=", "Start=relative/")):
            tree.write_files(root, {UNITS + "a.service.in": bad})
            tree.expect(list(check(root)), f"passes:\n{bad}")
        tree.write_files(root, {UNITS + "a.service.in": good,
                                UNITS + "sysusers.conf": "v postern - -\n"})
        tree.expect(list(check(root)), "a bad user snippet passes")


if __name__ == "__main__":
    if not shutil.which("systemd-analyze"):
        print("systemd-analyze is missing: apt-get install systemd")
        sys.exit(SKIPPED)
    tree.main(check, self_test)
