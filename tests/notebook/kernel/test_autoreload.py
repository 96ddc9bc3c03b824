"""`%autoreload 2` while the package's files change, as by an upgrade: panels, logins and sessions go on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import cognito_jupyter
from cognito_jupyter.local import LocalCognito

# Changes each file so that it has to be executed again, and its time so that this is noticed.
_CHANGE = """
import os, pathlib, sys, time
def change(path):
    path.write_text(path.read_text() + f"\\n_CHANGED = {time.time()}\\n")
    os.utime(path, (time.time() + 100, time.time() + 100))
def change_all():
    for path in pathlib.Path(FOLDER, "cognito_jupyter").rglob("*.py"):
        change(path)
    change(pathlib.Path(FOLDER, "my_module.py"))
"""
_LOAD_AUTORELOAD = """
%load_ext autoreload
%autoreload 2
reloader = get_ipython().magics_manager.registry["AutoreloadMagics"]._reloader
if hasattr(reloader, "deduper_reloader"):
    # Older versions of IPython have only the way that executes the whole module again.
    reloader.deduper_reloader.maybe_reload_module = lambda module: False
import my_module
"""
_CELLS = (
    "import cognito_jupyter\npanel = cognito_jupyter.LoginPanel()",
    "change_all()",
    "assert hasattr(my_module, '_CHANGED'), 'autoreload reloads other modules'",
    "panel._sign_in_button.click()",
    "wait_for(lambda: panel._state.controller.login is not None)",
    "change_all()",
    "submit_login(panel._state.controller.login.authorization_url, 'demo', PASSWORD)",
    "wait_for(lambda: 'Sign out' in buttons(panel))",
    "change_all()",
    "%cognito_login Uploader",
    "assert session.client('s3').list_objects_v2(Bucket='cognito-jupyter-demo')['KeyCount'] > 0",
    "other = cognito_jupyter.LoginPanel()\nother._sign_out_button.click()",
    "wait_for(lambda: 'Sign in' in buttons(panel) and 'Sign in' in buttons(other))",
    "%unload_ext cognito_jupyter",
    "assert buttons(panel) == ['The extension is unloaded']",
    "change_all()",
    "%load_ext cognito_jupyter",
    "again = cognito_jupyter.LoginPanel()",
    "assert buttons(again) == ['Sign in']",
)
_PROGRAM = """
import sys, time
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config
from cognito_jupyter.local.login_page_client import submit_login

def buttons(panel):
    return [each.description for each in panel.children if type(each).__name__ == "Button"]

def wait_for(condition):
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until, "The condition never became true."
        time.sleep(0.05)

config = Config()
config.HistoryManager.enabled = False
shell = InteractiveShell.instance(config=config)
shell.user_ns.update(submit_login=submit_login, buttons=buttons, wait_for=wait_for, FOLDER=sys.argv[1])
shell.user_ns.update(PASSWORD=sys.argv[2])
for cell in CELLS:
    result = shell.run_cell(cell)
    if not result.success:
        sys.exit(f"This cell failed: {cell}")
"""


@pytest.mark.parametrize("autoreload_first", [True, False], ids=["autoreload is loaded first", "and after the package"])
def test_a_login_and_its_panels_go_on_while_all_files_of_the_package_change(
    cognito: LocalCognito, tmp_path: Path, autoreload_first: bool
) -> None:
    shutil.copytree(Path(cognito_jupyter.__file__).parent, tmp_path / "cognito_jupyter")
    (tmp_path / "my_module.py").touch()
    load = (_LOAD_AUTORELOAD, "%load_ext cognito_jupyter")
    cells = (_CHANGE, *(load if autoreload_first else reversed(load)), *_CELLS)
    program = tmp_path / "program.py"
    program.write_text(f"CELLS = {cells!r}\n{_PROGRAM}", encoding="utf-8")
    environment = {**os.environ, "BROWSER": "true", "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    finished = subprocess.run(
        [sys.executable, str(program), str(tmp_path), cognito.demo_user.password],
        env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "autoreload" not in finished.stderr
