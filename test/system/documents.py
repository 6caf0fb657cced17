#!/usr/bin/python3
"""Every example of README.md and docs/operating.md is typed at a running gateway, and what comes is
compared with what the page shows.

Examples stand in ```console blocks: a line "$ COMMAND", then its output. Numbers and durations may
differ, and so may the width of columns; a line "..." stands for any lines. The page is the source:
what it shows is not written down here again.
"""
import os
import re
import shlex

from rig.case import main

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
PAGES = ("README.md", "docs/operating.md")
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER, DURATION = r"\d+(?:\.\d+)?", r"(?:\d+[dhms])+\b"
VOLATILE = re.compile("(%s)|%s" % (DURATION, NUMBER))
PROGRAMS = ("postern", "posternctl")
CONFIG = "/etc/postern/postern.cfg"       # as the pages call the file that the gateway was given
LEAST_EXAMPLES = 35
# A command of ours that is shown where nobody types it.
UNTYPED = re.compile(r"^    (?:\$ |(?:sudo )?(?:%s)(?:\s|$))" % "|".join(PROGRAMS))


class Example:
    """One command of a page and the lines that the page shows below it."""

    def __init__(self, place, command):
        self.place, self.command, self.lines = place, command, []

    def pattern(self):
        """What the whole output must match."""
        parts = []
        for line in self.lines:
            if line.strip() == "...":
                parts.append(r"(?:.*\n)*?")
                continue
            parts.append(r"[ ]*" + r"[ ]+".join(map(_word_pattern, line.split())) + r"[ ]*\n")
        return re.compile("".join(parts))


def _word_pattern(word):
    """A word as the page shows it, with any numbers and any durations where it has some."""
    pattern, end = "", 0
    for found in VOLATILE.finditer(word):
        pattern += re.escape(word[end:found.start()])
        pattern += DURATION if found.group(1) else NUMBER
        end = found.end()
    return pattern + re.escape(word[end:])


def examples(page, text):
    """The examples of one page, in its order."""
    for block in BLOCK.finditer(text):
        first = text.count("\n", 0, block.start(1)) + 1
        example = None
        for number, line in enumerate(block.group(1).splitlines(), first):
            if line.startswith("$ "):
                if example:
                    yield example
                example = Example("%s:%d" % (page, number), line[2:])
            elif example:
                example.lines.append(line)
            else:
                raise AssertionError("%s:%d: output before a command" % (page, number))
        if example:
            yield example


def untyped(page, text):
    """The places of commands that are shown outside of console blocks."""
    outside = BLOCK.sub(lambda block: "\n" * block.group(0).count("\n"), text)
    for number, line in enumerate(outside.splitlines(), 1):
        if UNTYPED.match(line):
            yield "%s:%d: %s" % (page, number, line.strip())


def _pages():
    """(name, text) of every page that shows examples."""
    for page in PAGES:
        with open(os.path.join(ROOT, page), encoding="utf-8") as file:
            yield page, file.read()


def _busy_gateway(t):
    """The gateway that the pages show: sessions of two namespaces, and a pod that nobody knows."""
    rig = t.rig()
    entries = rig.model()["egress_ips"]
    entries[1]["namespaces"].append("lab")  # without a way out, the gateway would warn of it
    rig.start(gateway={"name": "gw-a"}, egress_ips=entries)
    with open(rig.gateway.config_path, encoding="utf-8") as file:
        rig.config = file.read()
    server = rig.echo()
    rig.kept = [t.dial(rig.pod("payments"), server)[0], t.dial(rig.pod("web", 2), server)[0]]
    t.ask(rig.pod("payments"), server)
    t.silent(rig.pod("stray"), server, 0.1)
    return rig


def _type(rig, example):
    """Exit status and output of an example's command, at the rig's gateway."""
    words = shlex.split(example.command)
    if words[0] not in PROGRAMS:
        raise AssertionError("%s: %s cannot be typed here" % (example.place, words[0]))
    words = [rig.gateway.config_path if word == CONFIG else word for word in words]
    program = [rig.gateway.program(words[0])]
    if words[0] == "posternctl":
        program += ["-s", rig.gateway.socket_path]
    done = rig.gateway_ns.run(*program, *words[1:], check=False)
    said = done.stdout + done.stderr
    return done.returncode, said.replace(rig.gateway.config_path, CONFIG)


def test_every_example_is_typed_and_compared(t):
    """In the order of the pages, at one gateway."""
    found = [example for page, text in _pages() for example in examples(page, text)]
    t.check(len(found) >= LEAST_EXAMPLES, "only %d examples" % len(found))
    rig = _busy_gateway(t)
    wrong = []
    for example in found:
        _, said = _type(rig, example)
        if not example.pattern().fullmatch(said):
            wrong.append("%s: $ %s\n-- the page shows:\n%s\n-- the gateway says:\n%s" % (
                example.place, example.command, "\n".join(example.lines), said))
    t.check(not wrong, "\n\n".join(wrong))


def test_no_command_is_shown_that_is_not_typed(t):
    """Commands of the gateway stand in console blocks, with what they print."""
    docs = os.path.join(ROOT, "docs")
    pages = ["README.md", "CONTRIBUTING.md"] + sorted(
        os.path.join("docs", name) for name in os.listdir(docs) if name.endswith(".md"))
    found = []
    for page in pages:
        with open(os.path.join(ROOT, page), encoding="utf-8") as file:
            found += untyped(page, file.read())
    t.check(not found, "not in a console block:\n" + "\n".join(found))
    page = "```console\n$ postern a\n    postern b\n```\n    posternctl c\n    postern-bench d\n"
    t.equal(list(untyped("p.md", page)), ["p.md:5: posternctl c"], "what it finds")


def test_the_comparison_can_fail(t):
    """Numbers and widths may differ, words and lines may not."""
    page = "text\n```console\n$ a b\nx  5m  port 10.0.0.1\n...\nlast\n$ c\n```\n"
    first, second = examples("p.md", page)
    t.equal((first.place, first.command, second.lines), ("p.md:3", "a b", []), "examples")
    for output, fits in (("x 4m59s port 192.168.1.17\nlast\n", True),
                         ("x 1h port 10.0.0.1\nmore\nlast\n", True),
                         ("y 1h port 10.0.0.1\nlast\n", False),
                         ("x 1h port 10.0.0.1\nlast\nafter\n", False),
                         ("x 1h port up\nlast\n", False), ("", False)):
        t.equal(bool(first.pattern().fullmatch(output)), fits, repr(output))
    t.check(not second.pattern().fullmatch("anything\n"), "output where none is shown")


if __name__ == "__main__":
    main()
