"""A fresh kernel for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cognito_jupyter.demo.jupyterlab import clean_environment
from cognito_jupyter.local import LocalCognito
from tests.support.notebook import Notebook, started_notebook


@pytest.fixture
def environment(cognito: LocalCognito, tmp_path: Path) -> dict[str, str]:
    """The environment of a kernel: this Cognito, and none of the developer's own settings."""
    return clean_environment(tmp_path / "settings", cognito.environment)


@pytest.fixture
def notebook(cognito: LocalCognito, environment: dict[str, str]) -> Iterator[Notebook]:
    with started_notebook(cognito, environment) as notebook:
        yield notebook
