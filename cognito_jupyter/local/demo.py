"""What `cognito-jupyter demo` shows: a Cognito, S3 and JupyterLab on this machine."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from .lab import Lab, clean_environment
from .rehearsal import RehearsalError, rehearse
from .server import LocalCognito

FIRST_NOTEBOOK = "panel.ipynb"
REHEARSED = (FIRST_NOTEBOOK, "quickstart.ipynb")


def notebooks_folder() -> Path:
    """The guide's notebooks: inside the installed package, or at the top of a checkout."""
    inside = Path(__file__).parent / "notebooks"
    return inside if inside.is_dir() else Path(__file__).parents[2] / "notebooks"


def demo(say: Callable[[str], None], open_page: Callable[[str], AbstractContextManager[object] | None] | None) -> None:
    """Runs until it is interrupted, or JupyterLab is shut down.

    Args:
        say: Told what to know.
        open_page: Opens a page in the browser, and returns what is to be closed at the end; None: only its address is
            said.
    """
    say("Starting a Cognito, S3 and JupyterLab on this machine ...")
    with tempfile.TemporaryDirectory(prefix="cognito-jupyter-demo-") as folder, LocalCognito() as cognito:
        notebooks, environment = _prepare(Path(folder), cognito)
        with Lab(notebooks, environment) as lab:
            address = lab.address(FIRST_NOTEBOOK)
            user = cognito.demo_user
            say(f"\n  JupyterLab   {address}\n  user name    {user.username}\n  password     {user.password}\n")
            say("Run the cells from top to bottom; quickstart.ipynb, beside it, does more, by magics.")
            say("All of it is on this machine; Ctrl-C ends it and leaves nothing.")
            page = open_page(address) if open_page is not None else None
            with page or nullcontext():
                while lab.running:
                    time.sleep(0.5)


def check(say: Callable[[str], None]) -> bool:
    """Plays the demo without a screen.

    Returns:
        Whether every step did what it should; what failed has been said.
    """
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="cognito-jupyter-demo-") as folder, LocalCognito() as cognito:
        say(f"{time.monotonic() - began:5.1f} s  a Cognito answers at {cognito.domain}")
        notebooks, environment = _prepare(Path(folder), cognito)
        try:
            _look_at_lab(notebooks, environment, say)
            for name in REHEARSED:
                say(f"{name}:")
                rehearse(cognito, notebooks / name, environment, say)
        except RehearsalError as error:
            say(f"FAILED: {error}")
            return False
    say(f"All of it works, in {time.monotonic() - began:.0f} s.")
    return True


def _look_at_lab(notebooks: Path, environment: dict[str, str], say: Callable[[str], None]) -> None:
    import requests

    began = time.monotonic()
    with Lab(notebooks, environment) as lab:
        answer = requests.get(lab.address(FIRST_NOTEBOOK), timeout=30)
        if answer.status_code != requests.codes.ok:
            raise RehearsalError(f"JupyterLab answered {answer.status_code}.")
        say(f"{time.monotonic() - began:5.1f} s  JupyterLab shows {FIRST_NOTEBOOK} at {lab.url}")


def _prepare(folder: Path, cognito: LocalCognito) -> tuple[Path, dict[str, str]]:
    notebooks = folder / "notebooks"
    shutil.copytree(notebooks_folder(), notebooks, ignore=shutil.ignore_patterns(".*"))
    return notebooks, clean_environment(folder, cognito.environment)
