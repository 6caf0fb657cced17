"""Shows that behaviour.py can fail: each wrong input of its own, made here, is refused."""
import behaviour

TEXT = """# a comment

## Mapping

M1 One port, many remotes: it
    goes on here.
  source: RFC 1
  also: a.py: test_one
  deviation: RFC 2 asks
    otherwise.

M2 Another.
  source: RFC 3
"""
UNITS = [(["M1", "M2"], "b_test.cc: M1_M2_Both", "passed"), (["M2"], "b_test.cc: M2_One", "passed")]
THERE = {"a.py: test_one"}


def expect(holds, text):
    if not holds:
        raise SystemExit(text)


def refused(work):
    try:
        work()
    except behaviour.Broken:
        return True
    return False


def main():
    sections = behaviour.parse(TEXT)
    behaviour.check_names(sections, UNITS, THERE)
    page = behaviour.page(sections, UNITS, {})
    row = ("| M1 | One port, many remotes: it goes on here. | RFC 1 | `b_test.cc: M1_M2_Both`<br>"
           "`a.py: test_one` | passed |")
    expect(row in page, f"a row is missing:\n{page}")
    expect("| M1 | RFC 2 asks otherwise. |" in page, "a deviation is missing")
    failed = behaviour.page(sections, UNITS, {"a.py: test_one": "failed"})
    expect("`a.py: test_one` | failed |" in failed, "a failed system test is not told")
    bad = [(ids, name, "failed") for ids, name, _ in UNITS]
    expect(behaviour.page(sections, bad, {}).count("| failed |") == 2, "a failed test is not told")
    expect(refused(lambda: behaviour.page(sections, UNITS[:0], {})), "no test passes for M2")
    expect(refused(lambda: behaviour.check_names(sections, UNITS, set())),
           "a system test that is not there passes")
    strange = [(["M9"], "b_test.cc: M9_One", "passed")]
    expect(refused(lambda: behaviour.check_names(sections, strange, THERE)), "M9 passes")
    for wrong in ("## A\n\nM1 No source.\n", "## A\n\nMx Bad id.\n  source: RFC 1\n",
                  "## A\n\nM1 Bad word.\n  sauce: RFC 1\n"):
        expect(refused(lambda text=wrong: behaviour.parse(text)), f"passes: {wrong!r}")


if __name__ == "__main__":
    main()
