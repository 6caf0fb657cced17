"""Every number that somebody chose for the data plane says what chose it.

Looks at constants of dataplane/ whose value is written down as numbers (not derived from others,
not a mask or a mark in hexadecimal, not a code of one byte). Each has words: behind it, or in the
comment above it or above the lines that it stands among. Whoever is named like a knob (burst,
batch, slots, load, tries, ...) names the benchmark that chose it, bench/NAME, or says that it is a
bound, or whose rule it is (an RFC, a document). And every bench/NAME that the data plane's comments
name is there.

What no lint can see is whether the benchmark was run: its figures are in the comment.
"""

import pathlib
import re
import tempfile

import tree

WHERE = "dataplane/"
NOT_CHOSEN = "dataplane/wire/"  # protocols' own numbers
CONSTANT = re.compile(
    r"^\s*(?:inline\s+|static\s+)*constexpr\s+(?:std::)?"
    r"(?:uint16_t|uint32_t|uint64_t|size_t|unsigned|int|double|\w*Rate)\s+(k[A-Z]\w*)\s*[={](.*)$")
WRITTEN_DOWN = re.compile(
    r"^(?=.*[1-9])(?:[\d'.]+(?:[uUlL]+)?|u?int\d+_t|size_t|\.\w+\s*=|<<|[-+*/(){},=\s])*;")
KNOB = re.compile(r"Burst|Batch|Bulk|Ahead$|AtOnce|PerTurn|PerLook|Per\w*Window|Slots|Load$|Reach|"
                  r"Cache|Walk|Tries|Turns|Sleep|Search|Rest_|Step$|Branches|Looks|Unseen|Share|"
                  r"Records|Least|Most|Frames|Round_ms|Buffers|Stride|Prefetch|Budget")
BENCHMARK = re.compile(r"\bbench/(\w+)")
OTHER_REASON = re.compile(
    r"\b[Bb]ounds?\b|\bRFC \d+|\bIEEE\b|\b[\w/]+\.md\b|\bspec\b|driver's default")


def words_of(lines, number):
    """What is said of the constant on a line: behind it, and above the lines it stands among."""
    words = []
    behind = re.search(r"//(.*)", lines[number])
    if behind:
        words.append(behind.group(1))
    above = number
    while above > 0 and lines[above - 1].strip() and not lines[above - 1].strip().startswith("//"):
        above -= 1
    while above > 0 and lines[above - 1].strip().startswith("//"):
        above -= 1
        words.insert(0, lines[above].strip().removeprefix("//"))
    return " ".join(" ".join(words).split())


def benchmarks(root):
    """Names that bench/NAME may have: sources of programs, and scripts."""
    return {pathlib.Path(name).stem for name in tree.files(root, (".cc", ".py"))
            if name.startswith("bench/")}


def problems_of(name, text, known):
    lines = text.splitlines()
    for number, line in enumerate(lines):
        for bench in BENCHMARK.findall(line) if "//" in line else ():
            if bench not in known:
                yield f"{name}:{number + 1}: there is no bench/{bench}"
        found = CONSTANT.match(line)
        if not found or not WRITTEN_DOWN.match(re.sub(r"//.*", "", found.group(2)).strip()):
            continue
        words = words_of(lines, number)
        constant = found.group(1)
        if not words:
            yield f"{name}:{number + 1}: {constant} is a number without a word: what chose it?"
        elif KNOB.search(constant) and not (BENCHMARK.search(words) or OTHER_REASON.search(words)):
            yield (f"{name}:{number + 1}: {constant}: name the benchmark that chose it "
                   "(bench/NAME), or say what it is a bound of, or whose rule it is")


def check(root):
    known = benchmarks(root)
    for name in tree.files(root, tree.CPP):
        if name.startswith(WHERE) and not name.startswith(NOT_CHOSEN):
            yield from problems_of(name, tree.read(root, name), known)


# Text of a header, and a word of the complaint about it, or None.
SHAPES = (
    ("constexpr uint32_t kBurst = 64;  // bench/walk_bench\n", None),
    ("// As large as it pays (bench/walk_bench).\nconstexpr uint32_t kBurst = 64;\n", None),
    ("// Bounds of memory.\nconstexpr uint32_t kLeastMaps = 64;\nconstexpr size_t kMostMaps = 9;\n",
     None),
    ("constexpr uint32_t kBurst = 64;\n", "without a word"),
    ("constexpr uint32_t kFirst = 64;\n", "without a word"),
    ("// A good number.\nconstexpr uint32_t kBurst = 64;\n", "name the benchmark"),
    ("// A good number.\nstatic constexpr double kLoad = 0.65;\n", "name the benchmark"),
    ("// A good number.\ninline constexpr uint64_t kSlots = uint64_t{1} << 12;\n", "the benchmark"),
    ("// About another one.\n\nconstexpr uint32_t kFirst = 64;\n", "without a word"),
    ("constexpr uint32_t kBurst = 64;  // bench/no_such_bench\n", "no bench/no_such_bench"),
    ("// A good number.\nconstexpr uint32_t kFirst = 64;\n", None),
    ("constexpr uint32_t kTwice = 2 * kBurst;\nconstexpr uint32_t kMask = 0xff;\n", None),
    ("constexpr uint8_t kEnd = 3;\nconstexpr uint32_t kNone = ~uint32_t{0};\n", None),
    ("constexpr Rate kAnswers{.per_second = 100, .burst = 50};\n", "without a word"),
)


def self_test():
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)
        for text, word in SHAPES:
            tree.write_files(root, {"bench/walk_bench.cc": "", "dataplane/table/a.h": text,
                                    "dataplane/wire/b.h": "constexpr uint32_t kBurst = 64;\n"})
            problems = list(check(root))
            if word is None:
                tree.expect(not problems, f"{text!r} gives {problems}")
            else:
                tree.expect(len(problems) == 1 and word in problems[0], f"{text!r}: {problems}")


if __name__ == "__main__":
    tree.main(check, self_test)
