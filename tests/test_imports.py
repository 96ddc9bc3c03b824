"""What is imported when, and which folder may import which."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "cognito_jupyter"
HEAVY = ("boto3", "botocore", "requests", "urllib3", "cryptography", "jwt", "ipywidgets", "flask", "moto")
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


def new_modules(code: str, before: str = "") -> set[str]:
    """Returns the modules that code imports in a new process, in addition to what was imported before it."""
    program = f"import sys\n{before}\nbefore = set(sys.modules)\n{code}\nprint(*sorted(set(sys.modules) - before))"
    return set(
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    )


def test_loading_imports_what_registers_the_magics_and_nothing_that_runs_them() -> None:
    """Each module takes the time of every kernel that loads the extension, also of those that never sign in."""
    shell = "from IPython.core.interactiveshell import InteractiveShell\nshell = InteractiveShell.instance()"
    new = new_modules('shell.run_line_magic("load_ext", "cognito_jupyter")', shell)
    assert len({name for name in new if name.startswith("cognito_jupyter")}) <= 16
    assert len(new) <= 24


def test_loading_makes_no_parser_of_options() -> None:
    """argparse takes half of the time for them that loading takes without them."""
    made = "[name for name, value in vars(magics).items() if 'parser' in getattr(value, '__dict__', ())]"
    program = f"{LOAD_EXTENSION}\nmagics = type(shell.magics_manager.registry['CognitoMagics'])\nprint({made})"
    done = subprocess.run([sys.executable, "-c", f"import sys\n{program}"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_kernel_that_restores_a_sign_in_imports_neither_requests_nor_the_login() -> None:
    new = new_modules(
        "import cognito_jupyter.credentials.store.store\n"
        "from cognito_jupyter import CognitoCredentialsManager, CognitoOAuthAuthenticator\n"
        "from cognito_jupyter.credentials.remembered import load_manager\n"
        'CognitoCredentialsManager("us-east-1:pool", "us-east-1_Pool", authenticator=CognitoOAuthAuthenticator(\n'
        '    "a.auth.us-east-1.amazoncognito.com", "client"))\n'
    )
    assert "cognito_jupyter.credentials.manager" in new
    packages = {name.partition(".")[0] for name in new}
    assert not packages & {"requests", "cryptography", "jwt", "ipywidgets", "tomllib", "webbrowser"}
    assert not new & {"http.server", "unicodedata", "cognito_jupyter.oauth.login", "cognito_jupyter.oauth.transport"}
    assert not {name for name in new if name.startswith("cognito_jupyter.credentials.identity_pool")}
    assert "cognito_jupyter.oauth.redirect_uri" not in new
    assert len({name for name in new if name.startswith("cognito_jupyter")}) <= 54


def test_the_command_imports_nothing_heavy_before_it_knows_what_to_do() -> None:
    program = "import sys, cognito_jupyter.cli.main\nprint(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not [name for name in loaded if name.partition(".")[0] in HEAVY]


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Every import of a file, lazy and type-only ones too, as a module's absolute name, with its line."""
    package = ["cognito_jupyter", *path.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                submodule = f"{module}.{alias.name}"
                yield node.lineno, submodule if submodule in MODULES else module


def test_nothing_imports_upwards() -> None:
    """The layers are those of import-linter's contract; local/ is a server of its own, which only cli and demo use."""
    contract = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    ranks = {name.strip("() "): rank for rank, layer in enumerate(contract["layers"]) for name in layer.split("|")}
    assert {name.split(".")[1] for name in MODULES if "." in name} <= {*ranks, "local"}
    wrong = []
    for name, path in MODULES.items():
        folder = name.split(".")[1] if "." in name else ""
        for line, imported in imports(path):
            other = imported.split(".")[1] if imported.startswith("cognito_jupyter.") else ""
            upwards = folder in ranks and ranks.get(other, 99) < ranks[folder]
            into_local = other == "local" and folder not in {"local", "demo", "cli"}
            out_of_local = folder == "local" and other not in {"local", ""}
            if upwards or into_local or out_of_local:
                wrong.append(f"{path.name}:{line} imports {imported}")
    assert not wrong


def test_no_folder_has_more_than_fourteen_modules() -> None:
    counts = Counter(path.parent for path in MODULES.values() if path.name != "__init__.py")
    assert not {str(folder.relative_to(PACKAGE)): count for folder, count in counts.items() if count > 14}


def test_no_circle_of_modules() -> None:
    """Lazy and type-only imports count: who reads one of the modules would have to read them all."""
    graph = {name: {other for _, other in imports(path) if other in MODULES} for name, path in MODULES.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_no_module_holds_state_that_changes() -> None:
    """The notebook's state hangs on its shell: no module makes an empty list, dict or set, to be filled later."""
    wrong = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
            if value is not None and ast.unparse(value).partition("(")[0] in CONTAINERS:
                wrong.append(f"{path.name}:{node.lineno}")
    assert not wrong
