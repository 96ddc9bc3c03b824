"""What `cognito-jupyter demo` runs: a Cognito, S3 and JupyterLab on this machine."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import requests

from .._printable import printable
from ..local.server import LocalCognito
from .check import DemoCheckError, run_notebook
from .jupyterlab import JupyterLab, clean_environment

FIRST_NOTEBOOK = "panel.ipynb"
CHECKED_NOTEBOOKS = (FIRST_NOTEBOOK, "quickstart.ipynb")


def find_notebooks() -> Path:
    """Returns the folder of the guide's notebooks: in the installed package, or at the top of a checkout."""
    installed = Path(__file__).parent / "notebooks"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "notebooks"


def run_demo(
    write: Callable[[str], None], open_page: Callable[[str], AbstractContextManager[object] | None] | None
) -> None:
    """Runs until interrupted, or until JupyterLab is shut down.

    Args:
        write: Prints a line for the user.
        open_page: Opens a page in the browser, and returns a context manager to close at the end; None: only the
            page's URL is printed.
    """
    write("Starting a Cognito, S3 and JupyterLab on this machine ...")
    with tempfile.TemporaryDirectory(prefix="cognito-jupyter-demo-") as folder, LocalCognito() as cognito:
        notebooks, environment = _prepare_folders(Path(folder), cognito)
        with JupyterLab(notebooks, environment) as lab:
            url = lab.notebook_url(FIRST_NOTEBOOK)
            user = cognito.demo_user
            write(f"\n  JupyterLab   {url}\n  user name    {user.username}\n  password     {user.password}\n")
            write("Run the cells from top to bottom. quickstart.ipynb, next to it, shows more with magics.")
            write("Everything runs on this machine. Press Ctrl-C to stop it; nothing is left behind.")
            page = open_page(url) if open_page is not None else None
            with page or nullcontext():
                while lab.is_running:
                    time.sleep(0.5)


def check_demo(write: Callable[[str], None]) -> bool:
    """Runs the demo without a screen.

    Args:
        write: Prints each step and what failed.

    Returns:
        Whether every step worked.
    """
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="cognito-jupyter-demo-") as folder, LocalCognito() as cognito:
        write(f"{time.monotonic() - began:5.1f} s  a Cognito responds at {cognito.domain}")
        notebooks, environment = _prepare_folders(Path(folder), cognito)
        try:
            lab_began = time.monotonic()
            with JupyterLab(notebooks, environment) as lab:
                response = requests.get(lab.notebook_url(FIRST_NOTEBOOK), timeout=30)
                if response.status_code != requests.codes.ok:
                    raise DemoCheckError(f"JupyterLab responded with status {response.status_code}.")
                write(f"{time.monotonic() - lab_began:5.1f} s  JupyterLab shows {FIRST_NOTEBOOK} at {lab.url}")
            for name in CHECKED_NOTEBOOKS:
                write(f"{name}:")
                run_notebook(cognito, notebooks / name, environment, write)
        except DemoCheckError as error:
            write(f"FAILED: {printable(str(error))}")
            return False
    write(f"Everything works, in {time.monotonic() - began:.0f} s.")
    return True


def _prepare_folders(folder: Path, cognito: LocalCognito) -> tuple[Path, dict[str, str]]:
    notebooks = folder / "notebooks"
    shutil.copytree(find_notebooks(), notebooks, ignore=shutil.ignore_patterns(".*"))
    return notebooks, clean_environment(folder, cognito.environment)
