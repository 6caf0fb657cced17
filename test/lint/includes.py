"""Who may include whom: rooms, third-party libraries, paths from the root, header guards.

The rooms are those of docs/architecture.md; docs/decisions/0002 says why control may see two
headers of packet.
"""

import pathlib
import re
import tempfile

import tree

# Room, as a directory prefix (longest first), and the rooms that it may include beside itself.
ROOMS = {
    "dataplane/wire": (),
    "dataplane/packet": ("dataplane/wire",),
    "dataplane/table": ("dataplane/wire", "dataplane/packet"),
    "dataplane/stage": ("dataplane/wire", "dataplane/packet", "dataplane/table"),
    "dataplane/run": ("dataplane/wire", "dataplane/packet", "dataplane/table", "dataplane/stage"),
    "config": ("dataplane/wire",),
    "control": ("dataplane/wire", "dataplane/table", "dataplane/run", "config"),
}
FREE = ("bench", "test")  # may include anything

# Single files beyond the room's rooms: (including file's pattern, included file's pattern).
EXCEPTIONS = (
    (r"control/", r"dataplane/packet/(reason|counters)\.h"),
    (r"control/(.*/)?explain\w*\.(h|cc)", r"dataplane/stage/.*"),
)

# Third-party headers that not every room may include: (header's pattern, rooms that may).
DATAPLANE_WITH_DPDK = ("dataplane/packet", "dataplane/table", "dataplane/stage", "dataplane/run")
LIBRARIES = (
    ("DPDK", r"rte_.*", (*DATAPLANE_WITH_DPDK, *FREE)),
    ("Abseil", r"absl/.*", ("config", "control", *FREE)),
    ("libconfig", r"libconfig\.h(\+\+)?", ("config",)),
    ("JSON", r"nlohmann/.*", ("control", *FREE)),
    ("libevent", r"event2?/?.*\.h|ev\w+\.h", ("control", "test")),
    ("c-ares", r"ares(_\w+)?\.h", ("control",)),
    ("libedit", r"histedit\.h|editline/.*", ("control",)),
    ("libpcap", r"pcap(/.*)?\.h", ("control", *FREE)),
    ("GoogleTest", r"(gtest|gmock)/.*", ("test",)),
    ("Google Benchmark", r"benchmark/.*", ("bench",)),
)

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.MULTILINE)


def room_of(name):
    """The room that a path lies in, or None."""
    for room in (*ROOMS, *FREE):
        if name.startswith(room + "/"):
            return room
    return None


def allowed(name, room, included):
    """Whether the file `name` of `room` may include the file `included` of this repository."""
    target = room_of(included)
    if room in FREE or target == room or target in ROOMS[room]:
        return True
    return any(re.match(who, name) and re.fullmatch(whom, included) for who, whom in EXCEPTIONS)


def own_include(root, name, room, included):
    """The problem with an include in quotes, or None."""
    if not (root / included).is_file():
        return f'"{included}" is no file of this repository (write it from the root)'
    if room_of(included) is None:
        return f'"{included}" lies in no room'
    if not allowed(name, room, included):
        return f"{room} may not include {included}"
    return None


def foreign_include(root, room, included):
    """The problem with an include in angle brackets, or None."""
    if (root / included).is_file():
        return f"<{included}> is ours: write it in quotes"
    for library, pattern, rooms in LIBRARIES:
        if re.fullmatch(pattern, included) and room not in rooms:
            return f"{room} may not include <{included}>: {library} is for {', '.join(rooms)}"
    return None


def guard_problem(name, text):
    """The problem with a header's guard, or None."""
    guard = "POSTERN_" + re.sub(r"[^A-Z0-9]", "_", name.upper()) + "_"
    if f"#ifndef {guard}\n#define {guard}\n" in text:
        return None
    return f"the include guard is not {guard}"


def check(root):
    for name in tree.files(root, tree.CPP):
        text = tree.read(root, name)
        room = room_of(name)
        if room is None:
            yield f"{name}:1: lies in no room"
            continue
        if name.endswith(".h") and (problem := guard_problem(name, text)):
            yield f"{name}:1: {problem}"
        for match in INCLUDE.finditer(text):
            quote, included = match.groups()
            foreign = quote == "<" or any(re.fullmatch(p, included) for _, p, _ in LIBRARIES)
            problem = (foreign_include(root, room, included) if foreign
                       else own_include(root, name, room, included))
            if problem:
                yield f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {problem}"


GOOD = {
    "dataplane/wire/a.cc": "#include <string>\n",
    "dataplane/packet/reason.h": "#ifndef POSTERN_DATAPLANE_PACKET_REASON_H_\n"
                                 "#define POSTERN_DATAPLANE_PACKET_REASON_H_\n",
    "dataplane/packet/parse.h": "#ifndef POSTERN_DATAPLANE_PACKET_PARSE_H_\n"
                                "#define POSTERN_DATAPLANE_PACKET_PARSE_H_\n",
    "dataplane/stage/b.cc": '#include <rte_mbuf.h>\n#include "dataplane/packet/parse.h"\n',
    "config/c.cc": '#include <libconfig.h>\n#include "absl/status/status.h"\n',
    "control/d.cc": '#include <nlohmann/json.hpp>\n#include "dataplane/packet/reason.h"\n',
    "test/unit/e.cc": '#include <gtest/gtest.h>\n#include "dataplane/packet/parse.h"\n',
}

# One fault each: the file, its text, a word of the complaint.
BAD = (
    ("dataplane/wire/x.cc", '#include "dataplane/packet/reason.h"\n', "wire may not include"),
    ("dataplane/packet/x.cc", '#include "dataplane/stage/b.cc"\n', "packet may not include"),
    ("dataplane/run/x.cc", '#include "config/c.cc"\n', "run may not include"),
    ("config/x.cc", '#include "dataplane/packet/reason.h"\n', "config may not include"),
    ("control/x.cc", '#include "dataplane/packet/parse.h"\n', "control may not include"),
    ("control/x.cc", '#include "dataplane/stage/b.cc"\n', "control may not include"),
    ("control/x.cc", "#include <libconfig.h>\n", "libconfig is for"),
    ("dataplane/wire/x.cc", "#include <rte_byteorder.h>\n", "DPDK is for"),
    ("config/x.cc", "#include <rte_mbuf.h>\n", "DPDK is for"),
    ("dataplane/stage/x.cc", "#include <absl/types/span.h>\n", "Abseil is for"),
    ("dataplane/wire/x.cc", '#include "absl/types/span.h"\n', "Abseil is for"),
    ("config/x.cc", "#include <nlohmann/json.hpp>\n", "JSON is for"),
    ("dataplane/run/x.cc", "#include <event2/event.h>\n", "libevent is for"),
    ("control/x.cc", '#include "d.cc"\n', "no file of this repository"),
    ("control/x.cc", "#include <control/d.cc>\n", "write it in quotes"),
    ("common/x.cc", "#include <string>\n", "no room"),
    ("dataplane/wire/x.h", "#pragma once\n", "include guard"),
)


def self_test():
    for name, text, word in (None, None, None), *BAD:
        with tempfile.TemporaryDirectory() as directory:
            root = pathlib.Path(directory)
            tree.write_files(root, GOOD)
            if name is None:
                tree.expect(not list(check(root)), "a good tree is refused")
                continue
            tree.write_files(root, {name: text})
            problems = list(check(root))
            tree.expect(len(problems) == 1 and word in problems[0],
                        f"{name} with {text!r} gives {problems}, wanted one with {word!r}")


if __name__ == "__main__":
    tree.main(check, self_test)
