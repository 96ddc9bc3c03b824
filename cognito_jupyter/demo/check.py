"""Runs a notebook of the guide in a real kernel, and signs in over HTTP as its user would in the browser."""

from __future__ import annotations

import html
import json
import math
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from .._printable import printable
from ..local.login_page_client import submit_login
from ..local.server import LocalCognito
from .kernel import CellTimeoutError, Kernel

_AUTHORIZE_URL = re.compile(r"https?://\S+/oauth2/authorize\?\S+")
_ANSI_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
CREDENTIALS_SECONDS = 9.0
"""The lifetime of credentials here, so that they are refreshed during the check, and in time also on a busy machine."""
_CELL_PAST_EXPIRY = """
import time
s3 = session.client("s3")
for _ in range({seconds}):
    time.sleep(1)
    s3.list_objects_v2(Bucket="cognito-jupyter-demo")
    pd.read_csv("s3://cognito-jupyter-demo/stars/measurements.csv")
print("{seconds} reads with boto3 and with pandas, one a second")
"""
_CELL_TIMEOUT = 120.0
"""Seconds; the first import of pandas or matplotlib takes long on a busy machine."""
_BLANKS = re.compile("( {2,})")
_MAX_BLANKS = 60


class DemoCheckError(Exception):
    """A step of the demo failed."""


class LinkFollower:
    """Signs in at each new link that a notebook shows.

    Args:
        cognito: The Cognito that the links lead to.

    Attributes:
        sign_ins: How many links were followed.
    """

    def __init__(self, cognito: LocalCognito) -> None:
        self._cognito = cognito
        self._followed: set[str] = set()
        self.sign_ins = 0

    def follow(self, text: str) -> None:
        """Follows the sign-in link in a cell's output, if there is a new one."""
        found = _AUTHORIZE_URL.search(html.unescape(text))
        if found is None or found[0] in self._followed:
            return
        self._followed.add(found[0])
        user = self._cognito.demo_user
        submit_login(found[0], user.username, user.password, verify=self._cognito.ca_file or True)
        self.sign_ins += 1


def run_notebook(
    cognito: LocalCognito,
    notebook: Path,
    environment: dict[str, str],
    write: Callable[[str], None],
    credentials_seconds: float = CREDENTIALS_SECONDS,
) -> float:
    """Runs every cell; before the logout, uses S3 for longer than credentials are valid.

    Args:
        cognito: The Cognito to sign in to.
        notebook: The notebook's file.
        environment: The environment of its kernel.
        write: Prints each step and its result.
        credentials_seconds: How long credentials are valid.

    Returns:
        The end of the first cell that used S3, on the clock of `time.monotonic`; infinity if there is none.

    Raises:
        DemoCheckError: A step failed; the message says which.
    """
    cognito.knobs.credentials_seconds = credentials_seconds
    link_follower = LinkFollower(cognito)
    # No browser opens: the link follower signs in.
    kernel = Kernel(environment | {"BROWSER": "true", "DISPLAY": ""}, folder=notebook.parent)

    def run_cell(source: str) -> str:
        try:
            run = kernel.run_cell(source, on_output=link_follower.follow, timeout=credentials_seconds + _CELL_TIMEOUT)
        except CellTimeoutError as error:
            raise DemoCheckError(str(error)) from None
        if run.error is not None:
            raise DemoCheckError(_ANSI_COLOURS.sub("", run.error))
        return run.text

    first_use = math.inf
    with ExitStack() as stack:
        with _step("a real kernel", write) as details:
            stack.enter_context(kernel)
            details.append(f"Python {sys.version.split()[0]}, process {kernel.manager.provisioner.pid}")
        for source in code_cells(notebook):
            if "%cognito_logout" in source:
                exchanges = cognito.counts[cognito.EXCHANGE]
                with _step(f"the session outlives its credentials ({credentials_seconds:.0f} s)", write) as details:
                    details.append(run_cell(_CELL_PAST_EXPIRY.format(seconds=math.ceil(credentials_seconds) + 2)))
                    refreshes = cognito.counts[cognito.EXCHANGE] - exchanges
                    if not refreshes:
                        raise DemoCheckError("The credentials expired and were not refreshed.")
                    details.append(f"credentials refreshed {refreshes} times, automatically")
            with _step(source.strip().splitlines()[0], write) as details:
                details.append(run_cell(source))
            if any(request.service == "s3" for request in cognito.aws.proxy.requests):
                first_use = min(first_use, time.monotonic())
    if link_follower.sign_ins != 1:
        raise DemoCheckError(f"The notebook asked for {link_follower.sign_ins} sign-ins instead of one.")
    write(f"one sign-in; {len(cognito.aws.proxy.requests)} signed requests in all, each with valid credentials")
    return first_use


def code_cells(notebook: Path) -> list[str]:
    """Returns the sources of a notebook's code cells, in order (nbformat 4)."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


@contextmanager
def _step(name: str, write: Callable[[str], None]) -> Iterator[list[str]]:
    """Prints a step with its time, and the details that were added to the list."""
    began, details = time.monotonic(), list[str]()
    try:
        yield details
    except DemoCheckError as error:
        raise DemoCheckError(f"{name}: {error}") from None
    finally:
        if details:
            write(f"{time.monotonic() - began:5.1f} s  {name}")
            for line in "\n".join(details).strip().splitlines():
                write(f"         {_printable_columns(line)}")


def _printable_columns(line: str) -> str:
    """Returns a printable line in which the columns of a table stay below each other."""
    parts = _BLANKS.split(line)
    return "".join(part[:_MAX_BLANKS] if part.isspace() else printable(part) for part in parts)
