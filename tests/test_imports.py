"""What is imported when, and which stage may know which."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "cognito_jupyter"
HEAVY = ("boto3", "botocore", "requests", "urllib3", "cryptography", "jwt", "ipywidgets", "flask", "moto")
STAGES = {"_util": 0, "settings": 1, "oauth": 2, "credentials": 3, "sharing": 4, "notebook": 5, "cli": 6}
CONTAINERS = {"[]", "{}", "list", "dict", "set", "deque", "defaultdict", "Counter"}
LOAD_EXTENSION = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
before = set(sys.modules)
shell.run_line_magic("load_ext", "cognito_jupyter")
assert "cognito_login" in shell.magics_manager.magics["line"]
"""


@pytest.mark.parametrize("code", ["before = set(sys.modules)\nimport cognito_jupyter", LOAD_EXTENSION])
def test_importing_and_loading_import_nothing_heavy(code: str) -> None:
    """Neither the package alone nor the extension; the first login imports what it needs."""
    program = f"import sys\n{code}\nprint(*sorted(set(sys.modules) - before))"
    new = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert any(name.startswith("cognito_jupyter") for name in new)
    assert not [name for name in new if name.partition(".")[0] in HEAVY]


def test_the_command_imports_nothing_heavy_before_it_knows_what_to_do() -> None:
    program = "import sys, cognito_jupyter.cli.main\nprint(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not [name for name in loaded if name.partition(".")[0] in HEAVY]


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Every import of a file as an absolute name, with its line."""
    package = ["cognito_jupyter", *path.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield node.lineno, module
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def stage_of(name: str) -> str:
    """The stage of an absolute name; empty for what is not this package's."""
    return name.split(".")[1] if name.startswith("cognito_jupyter.") else ""


def test_nothing_imports_upwards() -> None:
    """The order of the stages is the design's; local/ is a server of its own, which only cli and tests import."""
    wrong = []
    for path in sorted(PACKAGE.rglob("*.py")):
        stage = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        for line, name in imports(path):
            other = stage_of(name)
            upwards = stage in STAGES and STAGES.get(other, -1) > STAGES[stage]
            into_local = other == "local" and stage not in {"local", "cli", "demo"}
            out_of_local = stage == "local" and other not in {"local", ""}
            if upwards or into_local or out_of_local:
                wrong.append(f"{path.name}:{line} imports {name}")
    assert not wrong


def test_no_module_holds_state_that_changes() -> None:
    """The notebook's state hangs on its shell: no module makes an empty list, dict or set, to be filled later."""
    wrong = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
            if value is not None and ast.unparse(value).partition("(")[0] in CONTAINERS:
                wrong.append(f"{path.name}:{node.lineno}")
    assert not wrong
