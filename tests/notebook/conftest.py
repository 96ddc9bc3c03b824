"""A fresh kernel for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cognito_jupyter.demo.jupyterlab import clean_environment
from cognito_jupyter.local import LocalCognito
from tests.support.forked_kernels import WITHOUT_LIBRARIES
from tests.support.notebook import Notebook, started_notebook

_FIRST_LOGIN = {
    "test_first_message", "test_link_first", "test_login", "test_login_magic", "test_prewarm", "test_progress",
    "test_stop_button", "test_two_logins",
}  # fmt: skip
"""The modules about a kernel's first login, and about what is shown while it imports the libraries for it."""


@pytest.fixture(autouse=True)
def import_libraries_before(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each other kernel of `nox -s kernel6` would spend half of its processor time on these imports."""
    if request.path.stem not in _FIRST_LOGIN:
        monkeypatch.delenv(WITHOUT_LIBRARIES, raising=False)


@pytest.fixture
def environment(cognito: LocalCognito, tmp_path: Path) -> dict[str, str]:
    """The environment of a kernel: this Cognito, and none of the developer's own settings."""
    return clean_environment(tmp_path / "settings", cognito.environment)


@pytest.fixture
def notebook(cognito: LocalCognito, environment: dict[str, str]) -> Iterator[Notebook]:
    with started_notebook(cognito, environment) as notebook:
        yield notebook
