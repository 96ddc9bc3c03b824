"""What `cognito-jupyter demo` runs: a Cognito, S3 and JupyterLab on this machine."""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import requests

from .._printable import printable
from .._util.folders.retrying import delete_folder
from ..local.model import ACCOUNT
from ..local.server import LocalCognito
from .check import CREDENTIALS_SECONDS as CHECK_CREDENTIALS_SECONDS, DemoCheckError, run_notebook
from .jupyterlab import JupyterLab, clean_environment

FIRST_NOTEBOOK = "panel.ipynb"
CHECKED_NOTEBOOKS = (FIRST_NOTEBOOK, "quickstart.ipynb")
CREDENTIALS_SECONDS = 30.0
"""The lifetime of credentials in the demo, so that its user sees them renewed."""
_PACKAGES = ("jupyterlab", "pandas", "s3fs", "pyarrow", "matplotlib")


def find_notebooks() -> Path:
    """Returns the folder of the guide's notebooks: in the installed package, or at the top of a checkout."""
    installed = Path(__file__).parent / "notebooks"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "notebooks"


def run_demo(
    write: Callable[[str], None],
    open_page: Callable[[str], AbstractContextManager[object] | None] | None,
    credentials_seconds: float = CREDENTIALS_SECONDS,
) -> None:
    """Runs until interrupted, or until JupyterLab is shut down.

    Args:
        write: Prints a line for the user.
        open_page: Opens a page in the browser, and returns a context manager to close at the end; None: only the
            page's URL is printed.
        credentials_seconds: How long AWS credentials are valid.

    Raises:
        ModuleNotFoundError: A package of the extra `demo` is not installed.
    """
    _require_packages()
    began = time.monotonic()
    write("Starting the demo on this machine ...")
    with _temporary_folder(write) as folder, LocalCognito() as cognito:
        cognito.knobs.credentials_seconds = credentials_seconds
        write(f"  a Cognito and an S3 run after {time.monotonic() - began:.1f} s; JupyterLab needs some seconds more")
        notebooks, environment = _prepare_folders(folder, cognito)
        with JupyterLab(notebooks, environment) as lab:
            write(f"  JupyterLab runs after {time.monotonic() - began:.1f} s")
            url = lab.notebook_url(FIRST_NOTEBOOK)
            write(_introduction(cognito, url, credentials_seconds))
            page = open_page(url) if open_page is not None else None
            with page or nullcontext():
                while lab.is_running:
                    time.sleep(0.1)


def _introduction(cognito: LocalCognito, url: str, credentials_seconds: float) -> str:
    user = cognito.demo_user
    return f"""
  JupyterLab   {url}
  user name    {user.username}
  password     {user.password}
  AWS          account {ACCOUNT}, region {cognito.region}, bucket {cognito.bucket}; it exists only here
  credentials  valid for {credentials_seconds:g} s, so that you see them renewed

Run the cells from top to bottom. quickstart.ipynb, next to it, reads and draws with pandas.
Everything runs on this machine. Press Ctrl-C to stop it; nothing is left behind."""


def check_demo(write: Callable[[str], None], credentials_seconds: float = CHECK_CREDENTIALS_SECONDS) -> bool:
    """Runs the demo without a screen.

    Args:
        write: Prints each step and what failed.
        credentials_seconds: How long AWS credentials are valid.

    Returns:
        Whether every step worked.

    Raises:
        ModuleNotFoundError: A package of the extra `demo` is not installed.
    """
    _require_packages()
    began = time.monotonic()
    with _temporary_folder(write) as folder, LocalCognito() as cognito:
        write(f"{time.monotonic() - began:5.1f} s  a Cognito responds at {cognito.domain}")
        write(f"         AWS account {ACCOUNT}, region {cognito.region}, bucket {cognito.bucket}")
        notebooks, environment = _prepare_folders(folder, cognito)
        try:
            lab_began = time.monotonic()
            with JupyterLab(notebooks, environment) as lab:
                response = requests.get(lab.notebook_url(FIRST_NOTEBOOK), timeout=30)
                if response.status_code != requests.codes.ok:
                    raise DemoCheckError(f"JupyterLab responded with status {response.status_code}.")
                write(f"{time.monotonic() - lab_began:5.1f} s  JupyterLab shows {FIRST_NOTEBOOK} at {lab.url}")
            reads = list[float]()
            for name in CHECKED_NOTEBOOKS:
                write(f"{name}:")
                reads.append(run_notebook(cognito, notebooks / name, environment, write, credentials_seconds))
        except DemoCheckError as error:
            write(f"FAILED: {printable(str(error))}")
            return False
    ended = time.monotonic()
    write(f"Everything works, in {ended - began:.0f} s; the first read of S3 after {reads[0] - began:.0f} s.")
    return True


def _require_packages() -> None:
    """Checks that the notebooks' packages can be imported, without importing them.

    Raises:
        ModuleNotFoundError: One cannot.
    """
    for name in _PACKAGES:
        if importlib.util.find_spec(name) is None:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


@contextmanager
def _temporary_folder(write: Callable[[str], None]) -> Iterator[Path]:
    """Makes a folder for the demo's files, and removes it at the end.

    Args:
        write: Prints a line if a program still uses it.
    """
    folder = Path(tempfile.mkdtemp(prefix="cognito-jupyter-demo-"))
    try:
        yield folder
    finally:
        # A kernel that is about to end may still write there; on Windows its working folder cannot be removed either.
        if not delete_folder(folder):
            write(f"A program still uses {printable(str(folder))}, so that folder could not be removed.")


def _prepare_folders(folder: Path, cognito: LocalCognito) -> tuple[Path, dict[str, str]]:
    notebooks = folder / "notebooks"
    shutil.copytree(find_notebooks(), notebooks, ignore=shutil.ignore_patterns(".*"))
    # A profile that is written in the demo is the demo's.
    aws_files = {name: str(folder / name.lower()) for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")}
    return notebooks, clean_environment(folder, {**cognito.environment, **aws_files})
