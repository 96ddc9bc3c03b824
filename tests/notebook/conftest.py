"""A real kernel, and the person in front of it."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cognito_jupyter.demo.jupyterlab import clean_environment
from cognito_jupyter.demo.kernel import CellRun, Kernel
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.login_page_client import submit_login

AUTHORIZE = re.compile(r"https?://\S+/oauth2/authorize\?\S+")


class NotebookUser:
    """Reads what a cell shows, and signs in where it says.

    Args:
        cognito: Where.
        remote_browser: Whether the browser is on another computer, so that the listener hears nothing of it.

    Attributes:
        login_count: How often.
        final_url: The address that the browser showed last.
    """

    def __init__(self, cognito: LocalCognito, *, remote_browser: bool = False) -> None:
        self._cognito = cognito
        self._remote_browser = remote_browser
        self._seen: set[str] = set()
        self._ignores_links = False
        self.login_count = 0
        self.final_url: str | None = None

    def ignore_links(self) -> None:
        """Reads nothing from now on."""
        self._ignores_links = True

    def on_output(self, text: str) -> None:
        found = AUTHORIZE.search(html.unescape(text))
        if self._ignores_links or found is None or found[0] in self._seen:
            return
        self._seen.add(found[0])
        self.login_count += 1
        user = self._cognito.demo_user
        self.final_url = submit_login(found[0], user.username, user.password, follow_callback=not self._remote_browser)


class Notebook:
    """A kernel with a person in front of it."""

    def __init__(self, kernel: Kernel, user: NotebookUser) -> None:
        self.kernel = kernel
        self.user = user

    def run(self, code: str, timeout: float = 60.0) -> CellRun:
        return self.kernel.run_cell(code, on_output=self.user.on_output, timeout=timeout)

    def text(self, code: str) -> str:
        """What a cell shows; it must go well."""
        run = self.run(code)
        assert run.error is None, run.error
        return run.text

    def error(self, code: str) -> str:
        """The error that a cell shows; it must fail."""
        run = self.run(code)
        assert run.error is not None
        return run.error

    def value(self, expression: str) -> str:
        return self.text(f"print({expression})").strip()


@pytest.fixture
def environment(cognito: LocalCognito, tmp_path: Path) -> dict[str, str]:
    """What a kernel sees: this Cognito, and none of the developer's own settings."""
    return clean_environment(tmp_path / "settings", cognito.environment)


@pytest.fixture
def notebook(cognito: LocalCognito, environment: dict[str, str]) -> Iterator[Notebook]:
    """A fresh kernel with the extension loaded; the person's browser is on the same machine."""
    with Kernel(environment) as kernel:
        notebook = Notebook(kernel, NotebookUser(cognito))
        notebook.text("%load_ext cognito_jupyter")
        yield notebook
