"""docs/nat-behaviour.md: what NAT must do, the tests that show it, and their results.

  behaviour.py --bin DIR [--verdicts DIR] [--write]

A test shows requirement M1 when its name begins with M1_ (more ids may follow); system tests are
named in requirements.txt. The unit and packet tests run here; system tests leave their verdicts in
a folder when they run before. Without --write the page is compared; exit status 0 when it says what
was seen, 1 when it does not or a test failed.
"""
import argparse
import difflib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PAGE = ROOT / "docs" / "nat-behaviour.md"
REQUIREMENTS = HERE / "requirements.txt"

IDS = re.compile(r"^((?:[A-Z][0-9]+_)+)")
VERDICTS = ("failed", "skipped", "passed")  # the worst first
PREAMBLE = """<!-- made by test/behaviour/behaviour.py --write; do not edit -->
# NAT behaviour

What the translation does, requirement by requirement, with the source that asks for it, the tests
that show it, and what they said when this page was made. `check.sh` makes it anew and compares. A
test bears the id of what it shows in its name; those of `.py` files run against real peers in
network namespaces.
"""


class Broken(Exception):
    """The requirements or the tests do not fit; the text says what to do."""


def parse(text):
    """[(heading, [requirement])]; a requirement is a dict of id, text, and lists by keyword."""
    sections = []
    for block in re.split(r"\n\s*\n", text):
        lines = [line for line in block.splitlines() if not re.match(r"#(?!#)", line)]
        if not lines:
            continue
        if lines[0].startswith("## "):
            sections.append((lines[0][3:], []))
            continue
        sections[-1][1].append(requirement(lines))
    return sections


def requirement(lines):
    name, text = lines[0].split(" ", 1)
    if not re.fullmatch(r"[A-Z][0-9]+", name):
        raise Broken(f"requirements.txt: not an id: {lines[0]!r}")
    one = {"id": name, "text": text, "source": [], "also": [], "deviation": [], "not yet": []}
    into = None
    for line in lines[1:]:
        if line.startswith("    "):
            if into is None:
                one["text"] += " " + line.strip()
            else:
                one[into][-1] += " " + line.strip()
            continue
        into, _, value = line.strip().partition(": ")
        if into not in one or into in ("id", "text") or not value:
            raise Broken(f"requirements.txt: {name}: not a keyword: {line.strip()!r}")
        one[into].append(value)
    if not one["source"]:
        raise Broken(f"requirements.txt: {name} has no source")
    return one


def programs(folder):
    return sorted(path for path in pathlib.Path(folder).glob("*_test") if os.access(path, os.X_OK))


def listed(program):
    """Names of the program's tests that bear an id, as SUITE.NAME."""
    out = subprocess.run([program, "--gtest_list_tests"], capture_output=True, text=True,
                         check=True)
    names, suite = [], ""
    for line in out.stdout.splitlines():
        if not line.startswith(" "):
            suite = line.split()[0] if line.strip() else ""
        elif IDS.match(line.strip()):
            names.append(suite + line.split()[0])
    return names


def run(program, names):
    """[(ids, "FILE: NAME", verdict)] of these tests, which are run."""
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder, "report.json")
        subprocess.run([program, "--gtest_filter=" + ":".join(names), "--gtest_brief=1",
                        f"--gtest_output=json:{report}"], capture_output=True, check=False)
        if not report.exists():
            raise Broken(f"{program.name} ended without a report: run it by hand")
        suites = json.loads(report.read_text(encoding="utf-8"))["testsuites"]
    seen = {}  # one entry for all parameters of a test, with the worst verdict
    for suite in suites:
        for test in suite["testsuite"]:
            if test.get("result") == "SUPPRESSED":
                continue
            name = test["name"].split("/")[0]
            verdict = "passed" if test.get("result") == "COMPLETED" else "skipped"
            verdict = "failed" if "failures" in test else verdict
            key = (tuple(IDS.match(name).group(1).rstrip("_").split("_")),
                   f"{pathlib.Path(test['file']).name}: {name}")
            seen[key] = min(verdict, seen.get(key, verdict), key=VERDICTS.index)
    return [(ids, name, verdict) for (ids, name), verdict in seen.items()]


def verdicts(folder):
    """{"FILE: NAME": verdict} of the system tests that ran."""
    words = {"PASS": "passed", "FAIL": "failed", "SKIP": "skipped"}
    found = {}
    for path in pathlib.Path(folder).glob("*.py.txt") if folder else []:
        for line in path.read_text(encoding="utf-8").splitlines():
            word, name = line.split()
            found[f"{path.name[:-4]}: {name}"] = words[word]
    return found


def system_tests():
    """The names of all, as "FILE: NAME"."""
    return {f"{path.name}: {name}" for path in (ROOT / "test" / "system").glob("*.py")
            for name in re.findall(r"^def (test_\w+)\(", path.read_text(encoding="utf-8"), re.M)}


def rows_of(section, units, systems):
    """(id, text, source, [test], result) for each requirement of a section."""
    for one in section:
        tests = [(name, verdict) for ids, name, verdict in units if one["id"] in ids]
        tests += [(name, systems.get(name, "passed")) for name in one["also"]]
        if one["not yet"]:
            result = one["not yet"][0]
        elif not tests:
            raise Broken(f"{one['id']}: no test bears it: begin the name of one with {one['id']}_")
        else:
            bad = sorted({verdict for _, verdict in tests} - {"passed"})
            result = ", ".join(bad) or "passed"
        yield one["id"], one["text"], "; ".join(one["source"]), [name for name, _ in tests], result


def page(sections, units, systems):
    text = PREAMBLE
    for heading, section in sections:
        text += f"\n## {heading}\n\n| id | requirement | source | tests | result |\n"
        text += "|---|---|---|---|---|\n"
        for name, what, source, tests, result in rows_of(section, units, systems):
            shown = "<br>".join(f"`{test}`" for test in tests) or "none"
            text += f"| {name} | {what} | {source} | {shown} | {result} |\n"
    text += "\n## Deviations\n\n| id | from what, and why |\n|---|---|\n"
    for _, section in sections:
        for one in section:
            for why in one["deviation"]:
                text += f"| {one['id']} | {why} |\n"
    return text


def check_names(sections, units, there):
    known = {one["id"] for _, section in sections for one in section}
    for ids, name, _ in units:
        for unknown in set(ids) - known:
            raise Broken(f"{name}: there is no requirement {unknown}")
    for _, section in sections:
        for one in section:
            for name in set(one["also"]) - there:
                raise Broken(f"requirements.txt: {one['id']}: there is no test {name}")


def main():
    options = argparse.ArgumentParser(description="makes or compares docs/nat-behaviour.md")
    options.add_argument("--bin", required=True, help="folder of the test programs")
    options.add_argument("--verdicts", help="folder where system tests left theirs")
    options.add_argument("--write", action="store_true", help="write the page")
    options = options.parse_args()
    sections = parse(REQUIREMENTS.read_text(encoding="utf-8"))
    units = []
    for program in programs(options.bin):
        names = listed(program)
        if names:
            units += run(program, names)
    units.sort(key=lambda unit: unit[1])
    there = system_tests()
    check_names(sections, units, there)
    systems = {name: verdict for name, verdict in verdicts(options.verdicts).items()
               if verdict != "skipped"}
    if options.write:
        missing = {name for _, section in sections for one in section for name in one["also"]}
        missing -= set(systems)
        if missing:
            raise Broken("run these first, with POSTERN_VERDICTS: " + ", ".join(sorted(missing)))
    text = page(sections, units, systems)
    if options.write:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        raise Broken("docs/nat-behaviour.md does not say what was seen:\n" + difference(text))
    print(f"{len(units)} tests of {len(programs(options.bin))} programs bear an id")


def difference(text):
    old = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    return "\n".join(difflib.unified_diff(old.splitlines(), text.splitlines(), "written", "seen",
                                          n=0, lineterm=""))


if __name__ == "__main__":
    try:
        main()
    except Broken as why:
        sys.exit(f"nat behaviour: {why}")
