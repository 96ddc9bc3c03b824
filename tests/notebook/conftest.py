"""A real kernel, and the person in front of it."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.kernel import CellRun, Kernel
from cognito_jupyter.local.lab import clean_environment
from cognito_jupyter.local.person import sign_in
from tests.notebook.walk import Walk

AUTHORIZE = re.compile(r"https?://\S+/oauth2/authorize\?\S+")


class Person:
    """Reads what a cell shows, and signs in where it says.

    Args:
        cognito: Where.
        elsewhere: Whether the browser is on another computer, so that the listener hears nothing of it.

    Attributes:
        sign_ins: How often.
        copied: The address that the browser showed last.
    """

    def __init__(self, cognito: LocalCognito, *, elsewhere: bool = False) -> None:
        self._cognito = cognito
        self._elsewhere = elsewhere
        self._seen: set[str] = set()
        self._away = False
        self.sign_ins = 0
        self.copied: str | None = None

    def goes_away(self) -> None:
        """Reads nothing from now on."""
        self._away = True

    def read(self, text: str) -> None:
        found = AUTHORIZE.search(html.unescape(text))
        if self._away or found is None or found[0] in self._seen:
            return
        self._seen.add(found[0])
        self.sign_ins += 1
        user = self._cognito.demo_user
        self.copied = sign_in(found[0], user.username, user.password, follow_callback=not self._elsewhere)


class Notebook:
    """A kernel with a person in front of it."""

    def __init__(self, kernel: Kernel, person: Person) -> None:
        self.kernel = kernel
        self.person = person

    def run(self, code: str, timeout: float = 60.0) -> CellRun:
        return self.kernel.run(code, on_output=self.person.read, timeout=timeout)

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
        notebook = Notebook(kernel, Person(cognito))
        notebook.text("%load_ext cognito_jupyter")
        yield notebook


@pytest.fixture
def walk(cognito: LocalCognito) -> Iterator[Walk]:
    config = Config()
    config.HistoryManager.enabled = False
    walk = Walk(cognito, InteractiveShell(config=config))  # type: ignore[no-untyped-call]
    yield walk
    walk.state.close()
