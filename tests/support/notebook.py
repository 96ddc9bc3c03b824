"""A real kernel, and a user in front of it who signs in where a cell shows a link."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cognito_jupyter.demo.kernel import CellRun, Kernel
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.login_page_client import submit_login
from tests.support.printed_login import AUTHORIZE_URL

READS_S3 = (
    'body = session.client("s3").get_object(Bucket="cognito-jupyter-demo", Key="stars/measurements.csv")["Body"]\n'
    "print(len(body.read().splitlines()))"
)


class NotebookUser:
    """Reads what a cell displays, and signs in at the links in it.

    Args:
        cognito: The Cognito to sign in at.
        remote_browser: Whether the browser is on another computer, so that the listener receives no response.

    Attributes:
        login_count: How often the user has signed in.
        final_url: The URL that the browser ended at last.
    """

    def __init__(self, cognito: LocalCognito, *, remote_browser: bool = False) -> None:
        self._cognito = cognito
        self._remote_browser = remote_browser
        self._seen: set[str] = set()
        self._ignores_links = False
        self.login_count = 0
        self.final_url: str | None = None

    def ignore_links(self) -> None:
        """Signs in at no link from now on."""
        self._ignores_links = True

    def on_output(self, text: str) -> None:
        found = AUTHORIZE_URL.search(html.unescape(text))
        if self._ignores_links or found is None or found[0] in self._seen:
            return
        self._seen.add(found[0])
        self.login_count += 1
        user = self._cognito.demo_user
        self.final_url = submit_login(found[0], user.username, user.password, follow_callback=not self._remote_browser)


def stop_at_link(kernel: Kernel) -> Callable[[str], None]:
    """Returns a function for `Kernel.run_cell` that presses the stop button once, when the cell has shown a link.

    A press after some seconds would come before the login on a busy machine, and stop nothing.

    Args:
        kernel: The kernel that is stopped.
    """
    pressed: list[str] = []

    def on_output(text: str) -> None:
        if not pressed and AUTHORIZE_URL.search(html.unescape(text)):
            pressed.append(text)
            kernel.manager.interrupt_kernel()

    return on_output


class Notebook:
    """A kernel with a user in front of it."""

    def __init__(self, kernel: Kernel, user: NotebookUser) -> None:
        self.kernel = kernel
        self.user = user

    def run(self, code: str, timeout: float = 60.0) -> CellRun:
        return self.kernel.run_cell(code, on_output=self.user.on_output, timeout=timeout)

    def text(self, code: str) -> str:
        """Returns what a cell displays; it must succeed."""
        run = self.run(code)
        assert run.error is None, run.error
        return run.text

    def error(self, code: str) -> str:
        """Returns the error that a cell displays; it must fail."""
        run = self.run(code)
        assert run.error is not None
        return run.error

    def value(self, expression: str) -> str:
        return self.text(f"print({expression})").strip()


@contextmanager
def started_notebook(
    cognito: LocalCognito, environment: dict[str, str], *, allow_stdin: bool = True
) -> Iterator[Notebook]:
    """A kernel that has just started, with the extension loaded; the user's browser is on the same machine."""
    with Kernel(environment, allow_stdin=allow_stdin) as kernel:
        notebook = Notebook(kernel, NotebookUser(cognito))
        notebook.text("%load_ext cognito_jupyter")
        yield notebook
