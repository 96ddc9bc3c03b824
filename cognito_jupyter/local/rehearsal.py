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

from .kernel import CellRun, CellTimeoutError, Kernel
from .person import Person

if TYPE_CHECKING:
    from .server import LocalCognito

_AUTHORIZE = re.compile(r"https?://\S+/oauth2/authorize\?\S+")
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_CREDENTIALS = "GetCredentialsForIdentity"
_LIFETIME = 6.0
"""Seconds that credentials live in the rehearsal, so that it sees them renewed."""
# Longer than a lifetime, with a request every second.
_PAST_ONE_EXPIRY = """
import time
s3 = session.client("s3")
for _ in range(8):
    time.sleep(1)
    s3.list_objects_v2(Bucket="cognito-jupyter-demo")
print("8 requests in 8 seconds")
"""


class RehearsalError(Exception):
    """A step of the demo did not do what it should."""


class Reader:
    """The person in front of a notebook: opens the link that a cell shows, and signs in there.

    Args:
        cognito: Where.

    Attributes:
        sign_ins: How often a link was followed.
    """

    def __init__(self, cognito: LocalCognito) -> None:
        self._cognito = cognito
        self._seen: set[str] = set()
        self.sign_ins = 0

    def read(self, text: str) -> None:
        """Follows a sign-in link in what was shown, once."""
        found = _AUTHORIZE.search(html.unescape(text))
        if found is None or found[0] in self._seen:
            return
        self._seen.add(found[0])
        user = self._cognito.demo_user
        Person(verify=self._cognito.ca_file or True).sign_in(found[0], user.username, user.password)
        self.sign_ins += 1


def rehearse(cognito: LocalCognito, notebook: Path, environment: dict[str, str], say: Callable[[str], None]) -> None:
    """Runs the notebook, and then for longer than credentials live; says each step and its result.

    Raises:
        RehearsalError: A step did not do what it should; the message says which.
    """
    # Nobody is there to look at a browser: the person is played here.
    quiet = environment | {"BROWSER": "true", "DISPLAY": ""}
    cognito.knobs.credentials_seconds = _LIFETIME
    reader = Reader(cognito)
    with ExitStack() as stack:
        with _step("a real kernel", say) as told:
            kernel = stack.enter_context(Kernel(quiet, folder=notebook.parent))
            told.append(f"Python {sys.version.split()[0]}, process {kernel.manager.provisioner.pid}")
        for source in code_cells(notebook):
            if "%cognito_logout" in source:
                _renewals(kernel, cognito, say)
            with _step(source.strip().splitlines()[0], say) as told:
                told.append(_ran(kernel, source, reader).text)
    if reader.sign_ins != 1:
        raise RehearsalError(f"The notebook asked for {reader.sign_ins} sign-ins instead of one.")
    say(f"one sign-in; {len(cognito.aws.gate.requests)} requests signed for S3, every key checked at the gate")


def code_cells(notebook: Path) -> list[str]:
    """The sources of a notebook's code cells, in order (nbformat 4)."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def _renewals(kernel: Kernel, cognito: LocalCognito, say: Callable[[str], None]) -> None:
    before = cognito.counts[_CREDENTIALS]
    with _step(f"the session outlives its keys ({_LIFETIME:.0f} s)", say) as told:
        told.append(_ran(kernel, _PAST_ONE_EXPIRY, None).text)
        renewals = cognito.counts[_CREDENTIALS] - before
        if not renewals:
            raise RehearsalError("The keys expired and were not renewed.")
        told.append(f"keys renewed {renewals} times, nobody asked")


def _ran(kernel: Kernel, source: str, reader: Reader | None) -> CellRun:
    try:
        run = kernel.run(source, on_output=reader.read if reader else None)
    except CellTimeoutError as error:
        raise RehearsalError(str(error)) from None
    if run.error is not None:
        raise RehearsalError(_COLOURS.sub("", run.error))
    return run


@contextmanager
def _step(name: str, say: Callable[[str], None]) -> Iterator[list[str]]:
    """Says a step with its time, and what was told of it."""
    began, told = time.monotonic(), list[str]()
    try:
        yield told
    except RehearsalError as error:
        raise RehearsalError(f"{name}: {error}") from None
    finally:
        if told:
            say(f"{time.monotonic() - began:5.1f} s  {name}")
            for line in "\n".join(told).strip().splitlines():
                say(f"         {line}")
