"""Commands that are forked, for the tests that run many of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.forked_commands import StartCommand, forked_commands


@pytest.fixture(scope="session")
def start_forked() -> Iterator[StartCommand]:
    with forked_commands() as start:
        yield start
