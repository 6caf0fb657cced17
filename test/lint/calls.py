"""What meets packets calls nothing that allocates, locks, waits, formats, throws or does I/O.

Looks at the code that came out of the compiler, so it sees through inlining and templates. Making
and destroying a stage's own memory is no packet's business: constructors and destructors may.
"""

import pathlib
import re
import tempfile

import binary
import tree

# Library, and which of its functions meet packets.
LIBRARIES = (
    ("dataplane/packet/libpostern_packet.a", r""),
    ("dataplane/table/libpostern_table.a", r"postern::(Session\w*|PortSearch|ScarceRemotes)::"),
    ("dataplane/stage/libpostern_stage.a", r""),
    # Worker::run and rest are above the packets: they sleep where there are none.
    ("dataplane/run/libpostern_run.a", r".*\b(walk\w*|Worker::(?!run\b|rest\b)\w+)\("),
)
BANNED = (
    ("allocates", r"operator (new|delete)\b.*|(m|c|re)alloc|free|posix_memalign|aligned_alloc"
                  r"|rte_\w*(malloc|zmalloc|calloc|free_sized|mempool_create\w*)"),
    ("locks or waits", r"pthread_\w+|std::(mutex|condition_variable|thread)\b.*|\w*sleep"
                       r"|rte_delay_\w+|sched_yield|poll|epoll_\w+"),
    ("asks the time", r"clock_gettime|gettimeofday|time|std::chrono::.*"),
    ("formats text", r"\w*printf(_chk)?|std::__cxx11::.*|std::(basic_)?o?stream.*|std::ostream::.*"
                     r"|std::to_string.*|rte_log|rte_vlog|syslog"),
    ("throws", r"__cxa_\w+|std::__throw_\w+.*|_Unwind_Resume"),
    ("asks the kernel", r"read|write|send\w*|recv\w*|ioctl|syscall|getrandom|mmap|munmap|open\w*"),
)
CONSTRUCTION = re.compile(
    r"^[^(]*\b(\w+)(<[^()]*>)?::~?\1\(|^std::(unique_ptr|vector|default_delete)<")


def problems_of(library, meets_packets=""):
    for name, body in binary.functions(library):
        if CONSTRUCTION.search(name) or not re.match(meets_packets, name):
            continue
        for target in dict.fromkeys(binary.called(body)):
            for what, pattern in BANNED:
                if re.fullmatch(pattern, target):
                    yield f"{library.name}: {name} {what}: it calls {target}"


def check(_, build):
    for name, meets_packets in LIBRARIES:
        library = pathlib.Path(build, name)
        if library.is_file():
            yield from problems_of(library, meets_packets)
        else:
            yield f"{name}: not built"


# A function body and the word of the complaint about it, or None.
SHAPES = (
    ("int f(int a) { return a + g(a); }", None),
    ("struct A { A(); ~A(); int* p; }; A::A() : p(new int[9]) {} A::~A() { delete[] p; }", None),
    ("int* f() { return new int[9]; }", "allocates"),
    ("void f(void* p) { std::free(p); }", "allocates"),
    ("std::mutex m; void f() { m.lock(); }", "locks or waits"),
    ("auto f() { return std::time(nullptr); }", "asks the time"),
    ("auto f() { return std::chrono::steady_clock::now(); }", "asks the time"),
    ('int f(int a) { return std::printf("%d", a); }', "formats text"),
    ('void f(std::string& s) { s += "more text"; }', "formats text"),
    ("int f(const std::vector<int>& v) { return v.at(3); }", "throws"),
    ("int f(int a) { if (a) throw 1; return 0; }", "throws"),
    ("long f(char* p) { return ::read(0, p, 1); }", "asks the kernel"),
)
PRELUDE = """#include <unistd.h>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <mutex>
#include <string>
#include <vector>
int g(int);
"""


def self_test():
    with tempfile.TemporaryDirectory() as name:
        made = binary.compiled(pathlib.Path(name), "int* f() { return new int; }", "-O2")
        tree.expect(not list(problems_of(made, "g")), "a function that meets no packet is judged")
        for text, word in SHAPES:
            made = binary.compiled(pathlib.Path(name), PRELUDE + text, "-O2", "-std=c++20")
            problems = list(problems_of(made))
            if word is None:
                tree.expect(not problems, f"{text} gives {problems}")
            else:
                tree.expect(any(word in p for p in problems), f"{text} gives {problems}")


if __name__ == "__main__":
    tree.main(check, self_test, options=("build",))
