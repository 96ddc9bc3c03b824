"""A plugin of pytest that runs the attempts only; by its name, so that the processes of pytest-xdist load it too."""

from __future__ import annotations

import pytest

from .kinds import kind_of


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselects the tests of the collected files that try nothing hostile; pytest calls it."""
    others = [item for item in items if kind_of(item.nodeid) is None]
    items[:] = [item for item in items if kind_of(item.nodeid) is not None]
    config.hook.pytest_deselected(items=others)
