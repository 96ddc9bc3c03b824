"""A panel in this process, without a kernel."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from cognito_jupyter.local import LocalCognito

from .driver import PanelDriver


@pytest.fixture
def driver(cognito: LocalCognito) -> Iterator[PanelDriver]:
    config = Config()
    config.HistoryManager.enabled = False
    driver = PanelDriver(cognito, InteractiveShell(config=config))  # type: ignore[no-untyped-call]
    yield driver
    driver.state.close()
