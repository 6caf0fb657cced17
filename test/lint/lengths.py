"""A file has at most 500 lines, a function at most 60, the body of a test at most 120.

Functions are found by their braces. That needs no compiler, and rests on the layout that
clang-format gives (the format test holds it): a brace at the scope of a namespace or a type opens
a namespace, a type, an initialiser or a function, and what stands before it says which.
"""

import ast
import pathlib
import re
import tempfile

import tree

MAX_FILE = 500
MAX_FUNCTION = 60
MAX_TEST = 120
SUFFIXES = (*tree.CPP, ".py", ".sh", ".cmake", "CMakeLists.txt")

TYPE = re.compile(r"(template\s*<.*>\s*)?(typedef\s+)?(class|struct|union|enum)\b", re.DOTALL)
NAMESPACE = re.compile(r"(inline\s+)?namespace\b|extern\s*\"")
# What may stand between a function's parameters and its body.
AFTER_PARAMETERS = re.compile(
    r"\)\s*((const|noexcept|override|final|mutable|try|&&?|\[\[\w+\]\]|->\s*[\w:<>,\s*&]+?)\s*)*$")
TEST_BODY = re.compile(r"(TYPED_)?TEST(_[FP])?\s*\(")


def scope_of(head):
    """What the brace after `head` opens at namespace or type scope."""
    head = head.strip()
    if NAMESPACE.match(head):
        return "namespace"
    if TYPE.match(head) and not AFTER_PARAMETERS.search(head):
        return "type"
    if "operator" in head and AFTER_PARAMETERS.search(head):
        return "function"
    if AFTER_PARAMETERS.search(head) and not re.search(r"[^=!<>]=[^=]", head.split("(")[0] + " "):
        return "function"
    if TYPE.match(head):
        return "type"
    return "initialiser"


def blank_preprocessor(text):
    """Directives with their continued lines as blanks."""
    return re.sub(r"^[ \t]*#(?:[^\n\\]|\\\n|\\.)*", lambda m: re.sub(r"[^\n]", " ", m.group(0)),
                  text, flags=re.MULTILINE)


def cpp_functions(text):
    """(name, first line, last line) of every function definition outside other functions."""
    text = blank_preprocessor(tree.code_only(text))
    stack = []  # (scope, first line of what the brace belongs to, its head)
    start = 0  # where the current declaration starts
    for match in re.finditer(r"[{};]|\b(?:public|private|protected)\s*:", text):
        at, token = match.start(), match.group(0)
        inside = stack[-1][0] if stack else "namespace"
        if token == "{":
            head = text[start:at]
            scope = "block" if inside in ("function", "block", "initialiser") else scope_of(head)
            line = text.count("\n", 0, start + len(head) - len(head.lstrip())) + 1
            stack.append((scope, line, head.strip()))
            if scope != "initialiser":
                start = match.end()
            continue
        if token == "}":
            scope, line, head = stack.pop() if stack else ("block", 0, "")
            if scope == "function":
                yield head, line, text.count("\n", 0, at) + 1
            if scope == "initialiser" or (scope == "block" and inside == "initialiser"):
                continue  # the declaration goes on behind its initialiser
        if inside in ("namespace", "type") or token == "}":
            start = match.end()


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node.lineno, node.end_lineno


def check(root):
    for name in tree.files(root, SUFFIXES):
        text = tree.read(root, name)
        lines = text.count("\n")
        if lines > MAX_FILE:
            yield f"{name}:1: {lines} lines, more than {MAX_FILE}: split it"
        functions = ()
        if name.endswith(tree.CPP):
            functions = cpp_functions(text)
        elif name.endswith(".py"):
            functions = python_functions(text)
        for head, first, last in functions:
            limit = MAX_TEST if TEST_BODY.match(head) else MAX_FUNCTION
            if last - first + 1 > limit:
                yield (f"{name}:{first}: {last - first + 1} lines, more than {limit}: "
                       f"{' '.join(head.split())[:60]}")


# Text before the body, text after it, and whether what is between is a function's body.
SHAPES = (
    ("int f(int a) {\n", "}\n", True),
    ("namespace a {\nnamespace {\n\nstatic void f() {\n", "}\n\n}  // namespace\n}\n", True),
    ("class A : B {\n public:\n  int f() const override {\n", "  }\n  int x = 0;\n};\n", True),
    ("A::A(int a) : a_{a}, b_(1) {\n", "}\n", True),
    ("template <typename T>\nauto f(T t) -> std::vector<T> {\n", "}\n", True),
    ("bool operator==(const A& a, const A& b) {\n", "}\n", True),
    ("struct alignas(64) A {\n  void f() noexcept {\n", "  }\n};\n", True),
    ("const int kTable[] = {1, 2};\nint f(std::span<const int> a = {}) {\n", "}\n", True),
    ("struct A {\n", "  int a;\n};\n", False),
    ("struct alignas(64) A {\n", "  int a;\n};\n", False),
    ("enum class A : uint8_t {\n", "  kA,\n};\n", False),
    ("const std::vector<int> kTable = {\n", "    1};\n", False),
    ("#define A(x) \\\n  f(x) {\n", "", False),
    ('const char* const kText = R"({ f() {)";\nnamespace a {\n', "}  // namespace a\n", False),
)


def self_test():
    for before, after, is_function in SHAPES:
        filler = "".join(f"  a({i});  // {{\n" for i in range(59))
        long = list(cpp_functions(before + filler + after))
        found = [1 for _, first, last in long if last - first + 1 > MAX_FUNCTION]
        tree.expect(bool(found) == is_function, f"{before!r} is taken for {long}")
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)
        body = "".join(f"  x = {i}\n" for i in range(60))
        tree.write_files(root, {
            "fits.cc": "int f() {\n" + "  g();\n" * 58 + "}\n",
            "long.cc": "int f() {\n" + "  g();\n" * 59 + "}\n",
            "test_fits.cc": "TEST(A, B) {\n" + "  g();\n" * 118 + "}\n",
            "test_long.cc": "TEST(A, B) {\n" + "  g();\n" * 119 + "}\n",
            "long.py": "def f():\n" + body,
            "many.h": "int a;\n" * 501,
        })
        named = sorted(problem.split(":")[0] for problem in check(root))
        tree.expect(named == ["long.cc", "long.py", "many.h", "test_long.cc"], f"refused {named}")


if __name__ == "__main__":
    tree.main(check, self_test)
