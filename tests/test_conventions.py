"""The conventions of CONTRIBUTING.md that a program can check: names, docstrings, and reasons for exceptions."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "cognito_jupyter").rglob("*.py"))
FILES = [*MODULES, *sorted((ROOT / "tests").rglob("*.py")), ROOT / "noxfile.py"]

RETIRED_WORDS = """
    answer answered ask asked carried complain complaint conversation courier distance face farewell flight gate glance
    goodbye hear heard holdings hurry keeper keeping kept ledger nap nobody parting patience person refusal renewal said
    say slot snapshot somebody standing stranger taken tell told took upkeep useless weather whoever
"""
"""Private metaphors of earlier versions. ARCHITECTURE.md names the standard word for most of them."""

ALLOWED_NAMES = {"SingleFlight", "single_flight", "_single_flight", "hide_person"}
"""Single-flight is the standard term for threads that share one call; `hide_person` is a public setting."""


def names_in(path: Path) -> Iterator[tuple[int, str]]:
    with io.StringIO(path.read_text(encoding="utf-8")) as text:
        for token in tokenize.generate_tokens(text.readline):
            if token.type == tokenize.NAME:
                yield token.start[0], token.string


def words_in(name: str) -> set[str]:
    """Returns the words of a name, without the allowed names within it."""
    for allowed in ALLOWED_NAMES:
        name = name.replace(allowed, "")
    return {word.lower() for word in re.split(r"_|(?<=[a-z])(?=[A-Z])", name)}


def test_no_name_uses_a_retired_word() -> None:
    retired = set(RETIRED_WORDS.split())
    # Also words of texts and comments, which only the tokenizer can tell from names; it takes ten times longer.
    words = {path: {path.stem, *re.findall(r"\w+", path.read_text(encoding="utf-8"))} for path in FILES}
    wrong = {word for word in set[str]().union(*words.values()) if words_in(word) & retired}
    suspects = [path for path in FILES if words[path] & wrong]
    names = [(path, line, name) for path in suspects for line, name in [(0, path.stem), *names_in(path)]]
    assert not [f"{path}:{line} {name}" for path, line, name in names if name in wrong]


def public_functions(body: list[ast.stmt]) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yields public functions, and the public methods of public classes."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            yield node
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public_functions(node.body)


def is_described(name: str, docstring: str) -> bool:
    """Returns whether Args or Attributes have a line for a name, or for several names with this one."""
    return re.search(rf"^ +\*{{0,2}}(\w+, )*{name}\b.*:", docstring, re.MULTILINE) is not None


def test_every_public_function_of_two_parameters_describes_them() -> None:
    missing = []
    for path in MODULES:
        for function in public_functions(ast.parse(path.read_text(encoding="utf-8")).body):
            arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
            names = [each.arg for each in arguments if each.arg not in {"self", "cls"}]
            docstring = ast.get_docstring(function) or ""
            if len(names) >= 2:
                missing += [f"{path}: {function.name} {name}" for name in names if not is_described(name, docstring)]
    assert not missing


def test_every_dataclass_field_is_described() -> None:
    """In the Attributes of its class, or by a string below it."""
    missing = []
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ClassDef):
                continue
            if not any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list):
                continue
            docstring = ast.get_docstring(node) or ""
            for field, below in zip(node.body, [*node.body[1:], None], strict=True):
                if not isinstance(field, ast.AnnAssign) or ast.unparse(field.target).startswith("_"):
                    continue
                has_string = isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
                if not has_string and not is_described(ast.unparse(field.target), docstring):
                    missing.append(f"{path}: {node.name}.{ast.unparse(field.target)}")
    assert not missing


def test_every_exception_from_a_rule_gives_its_reason() -> None:
    bare = re.compile(r"# noqa(: *[A-Z]+\d+(, *[A-Z]+\d+)*)? *$", re.MULTILINE)
    assert not [str(path) for path in FILES if bare.search(path.read_text(encoding="utf-8"))]
