"""Jupyter servers that are forked: an interpreter would take a second of the processor for the imports of each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.jupyter_server import StartServer, forked_servers


@pytest.fixture(scope="session")
def start_server() -> Iterator[StartServer]:
    with forked_servers() as start:
        yield start
