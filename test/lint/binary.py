"""Objects and libraries as the compiler left them: their functions, disassembled."""

import re
import shutil
import subprocess

import tree


def functions(binary):
    """(demangled name, disassembly with relocations) of every function in an object or library."""
    listing = subprocess.run(["objdump", "-dr", "-C", "--no-show-raw-insn", str(binary)],
                             capture_output=True, text=True, check=True).stdout
    for part in re.split(r"\n(?=[0-9a-f]{8,} <)", listing)[1:]:
        head, _, body = part.partition("\n")
        yield head.partition("<")[2].removesuffix(">:"), body


def called(body):
    """Demangled names of what a function calls or takes the address of, in other objects too."""
    for match in re.finditer(r"R_X86_64_(?:PLT32|GOTPCREL\w*|PC32)\s+(.*)", body):
        name = re.sub(r"[-+]0x[0-9a-f]+$", "", match.group(1))
        if not name.startswith("."):
            yield name


def compiled(directory, text, *flags):
    """The object that the compiler makes of the text: for self tests."""
    tree.write_files(directory, {"a.cc": text})
    subprocess.run([shutil.which("g++") or "c++", *flags, "-c", "a.cc"], cwd=directory, check=True)
    return directory / "a.o"
