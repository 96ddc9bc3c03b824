"""Commands that are forked, for the tests that run many of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.forked_commands import Commands, forked_commands


@pytest.fixture(scope="session")
def commands() -> Iterator[Commands]:
    with forked_commands() as commands:
        yield commands
