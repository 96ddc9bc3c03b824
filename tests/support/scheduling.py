"""Which tests pytest-xdist runs in one process: its own mark `xdist_group` does nothing with pytest 9.2.

The plugin adds the group to a node id that pytest does not read any more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


def schedule_by_group(config: pytest.Config, log: Any, group_of: Callable[[str], str]) -> Any:
    """Returns a scheduler that runs all tests of a group in one process, one after the other; with loadscope only.

    Args:
        config: pytest's own.
        log: What the scheduler logs to.
        group_of: Returns the name of a test's group by the test's node id.
    """
    if config.getoption("dist") != "loadscope":
        return None
    from xdist.scheduler import LoadScopeScheduling

    scheduler = LoadScopeScheduling(config, log)
    scheduler._split_scope = group_of
    return scheduler


def module_of(nodeid: str) -> str:
    """Returns the module of a test, which is its group by default.

    Args:
        nodeid: The test's node id.
    """
    return nodeid.partition("::")[0]
