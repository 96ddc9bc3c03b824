"""The demo without a screen: the quickstart in a real kernel, with the person played over HTTP."""

from __future__ import annotations

import html
import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..local.login_page_client import LoginPageClient
from .kernel import CellRun, CellTimeoutError, Kernel

if TYPE_CHECKING:
    from ..local.server import LocalCognito

_AUTHORIZE_URL = re.compile(r"https?://\S+/oauth2/authorize\?\S+")
_ANSI_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_EXCHANGE = "GetCredentialsForIdentity"
_CREDENTIALS_SECONDS = 6.0
"""Seconds that credentials live in the rehearsal, so that it sees them renewed."""
# Longer than a lifetime, with a request every second.
_CELL_PAST_EXPIRY = """
import time
s3 = session.client("s3")
for _ in range(8):
    time.sleep(1)
    s3.list_objects_v2(Bucket="cognito-jupyter-demo")
print("8 requests in 8 seconds")
"""


class DemoCheckError(Exception):
    """A step of the demo did not do what it should."""


class LinkFollower:
    """The person in front of a notebook: opens the link that a cell shows, and signs in there.

    Args:
        cognito: Where.

    Attributes:
        sign_ins: How often a link was followed.
    """

    def __init__(self, cognito: LocalCognito) -> None:
        self._cognito = cognito
        self._followed: set[str] = set()
        self.sign_ins = 0

    def follow(self, text: str) -> None:
        """Follows a sign-in link in what was shown, once."""
        found = _AUTHORIZE_URL.search(html.unescape(text))
        if found is None or found[0] in self._followed:
            return
        self._followed.add(found[0])
        user = self._cognito.demo_user
        LoginPageClient(verify=self._cognito.ca_file or True).submit_login(found[0], user.username, user.password)
        self.sign_ins += 1


def run_notebook(
    cognito: LocalCognito, notebook: Path, environment: dict[str, str], write: Callable[[str], None]
) -> None:
    """Runs the notebook, and then for longer than credentials live; says each step and its result.

    Raises:
        RehearsalError: A step did not do what it should; the message says which.
    """
    # Nobody is there to look at a browser: the person is played here.
    no_browser = environment | {"BROWSER": "true", "DISPLAY": ""}
    cognito.knobs.credentials_seconds = _CREDENTIALS_SECONDS
    link_follower = LinkFollower(cognito)
    with ExitStack() as stack:
        with _step("a real kernel", write) as details:
            kernel = stack.enter_context(Kernel(no_browser, folder=notebook.parent))
            details.append(f"Python {sys.version.split()[0]}, process {kernel.manager.provisioner.pid}")
        for source in code_cells(notebook):
            if "%cognito_logout" in source:
                _check_refresh(kernel, cognito, write)
            with _step(source.strip().splitlines()[0], write) as details:
                details.append(_run_cell(kernel, source, link_follower).text)
    if link_follower.sign_ins != 1:
        raise DemoCheckError(f"The notebook asked for {link_follower.sign_ins} sign-ins instead of one.")
    write(f"one sign-in; {len(cognito.aws.proxy.requests)} requests signed for S3, every key checked at the gate")


def code_cells(notebook: Path) -> list[str]:
    """The sources of a notebook's code cells, in order (nbformat 4)."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def _check_refresh(kernel: Kernel, cognito: LocalCognito, write: Callable[[str], None]) -> None:
    before = cognito.counts[_EXCHANGE]
    with _step(f"the session outlives its keys ({_CREDENTIALS_SECONDS:.0f} s)", write) as details:
        details.append(_run_cell(kernel, _CELL_PAST_EXPIRY, None).text)
        refreshes = cognito.counts[_EXCHANGE] - before
        if not refreshes:
            raise DemoCheckError("The keys expired and were not renewed.")
        details.append(f"keys renewed {refreshes} times, nobody asked")


def _run_cell(kernel: Kernel, source: str, link_follower: LinkFollower | None) -> CellRun:
    try:
        run = kernel.run_cell(source, on_output=link_follower.follow if link_follower else None)
    except CellTimeoutError as error:
        raise DemoCheckError(str(error)) from None
    if run.error is not None:
        raise DemoCheckError(_ANSI_COLOURS.sub("", run.error))
    return run


@contextmanager
def _step(name: str, write: Callable[[str], None]) -> Iterator[list[str]]:
    """Says a step with its time, and what was told of it."""
    began, details = time.monotonic(), list[str]()
    try:
        yield details
    except DemoCheckError as error:
        raise DemoCheckError(f"{name}: {error}") from None
    finally:
        if details:
            write(f"{time.monotonic() - began:5.1f} s  {name}")
            for line in "\n".join(details).strip().splitlines():
                write(f"         {line}")
