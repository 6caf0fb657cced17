"""The instruction sets that we mean are the ones that are compiled in.

DPDK's compiler flags hold -march=corei7 on Debian; taken over, they would win over ours and turn
AVX2 off without a word. So: every file is compiled with one -march, the tree's floor; the data
plane's libraries hold instructions that corei7 does not have; and an instruction beyond the floor
(AVX-512) stands only in functions with avx512 in their name, which are chosen at start.
"""

import json
import pathlib
import re
import tempfile

import binary
import tree

# Library, below the build tree, and what its code must use.
VEX = ("VEX-encoded or BMI2", re.compile(r"\sv[a-z]\w* .*%[xy]mm|\s(shlx|shrx|sarx|mulx|rorx) "))
AVX2 = ("256-bit", re.compile(r"%ymm\d"))
REQUIRED = (
    ("dataplane/wire/libpostern_wire.a", VEX),
    ("dataplane/table/libpostern_table.a", AVX2),
    ("dataplane/stage/libpostern_stage.a", VEX),
)
BEYOND_FLOOR = re.compile(r"%zmm\d|%[xy]mm(1[6-9]|2\d|3[01])\b|\{%k[0-7]\}|%k[0-7]\b")
CHOSEN_AT_START = "avx512"


def march_problems(build, march):
    """Entries of compile_commands.json without exactly the one -march that is meant."""
    commands = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    if not commands:
        yield f"{build}/compile_commands.json:1: empty"
    for entry in commands:
        given = re.findall(r"(?<=\s)-m(?:arch|tune|cpu)=(\S+)", entry["command"])
        if given != [march]:
            yield f"{entry['file']}:1: compiled with -march {given}, wanted [{march!r}]"
        beyond = re.findall(r"(?<=\s)-m(?:no-)?(?:avx|sse|bmi|aes)\w*", entry["command"])
        if beyond:
            yield f"{entry['file']}:1: compiled with {beyond}: use a target attribute"


def code_problems(library, wanted):
    """What a library's code uses and must not, or must use (what, pattern) and does not."""
    what, pattern = wanted or ("", None)
    seen = pattern is None
    for name, body in binary.functions(library):
        seen = seen or pattern.search(body) is not None
        if CHOSEN_AT_START not in name and (found := BEYOND_FLOOR.search(body)):
            yield f"{library.name}: {name} uses {found.group(0)}, beyond the floor"
    if not seen:
        yield f"{library.name}: no {what} instruction: was the wrong -march compiled in?"


def check(_, build, march):
    build = pathlib.Path(build)
    yield from march_problems(build, march)
    required = dict(REQUIRED)
    for library in sorted(build.rglob("libpostern_*.a")):
        wanted = required.pop(str(library.relative_to(build)), None)
        yield from code_problems(library, wanted)
    for missing in required:
        yield f"{missing}: not built"


SOURCE = """
#include <immintrin.h>
unsigned long shift(unsigned long a, unsigned b) { return a << b; }
void add(float* a, const float* b) { for (int i = 0; i < 8; ++i) a[i] += b[i]; }
"""
WIDE = """
#include <immintrin.h>
__attribute__((target("avx512f"))) void NAME(char* a, const char* b) {
  _mm512_storeu_si512(a, _mm512_loadu_si512(b));
}
"""


def built(directory, text, march):
    return binary.compiled(directory, text, "-O3", f"-march={march}")


def self_test():
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        for march, pattern, good in (("x86-64-v3", VEX, True), ("corei7", VEX, False),
                                     ("x86-64-v3", AVX2, True), ("corei7", AVX2, False)):
            problems = list(code_problems(built(directory, SOURCE, march), pattern))
            tree.expect(not problems if good else len(problems) == 1, f"{march}: {problems}")
        for function, good in (("copy_avx512", True), ("copy", False)):
            wide = built(directory, SOURCE + WIDE.replace("NAME", function), "x86-64-v3")
            problems = list(code_problems(wide, VEX))
            tree.expect(not problems if good else "beyond" in problems[0], f"{problems}")
        for flags, good in (("-march=x86-64-v3", True), ("", False), ("-march=native", False),
                            ("-march=x86-64-v3 -march=corei7", False),
                            ("-march=x86-64-v3 -mavx512f", False)):
            commands = [{"file": "a.cc", "command": f"g++ -O2 {flags} -c a.cc"}]
            tree.write_files(directory, {"compile_commands.json": json.dumps(commands)})
            problems = list(march_problems(directory, "x86-64-v3"))
            tree.expect(bool(problems) != good, f"{flags}: {problems}")


if __name__ == "__main__":
    tree.main(check, self_test, options=("build", "march"))
