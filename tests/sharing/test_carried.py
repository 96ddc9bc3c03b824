"""Modules that travel in a pickle to a Python that has none of this package."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from cognito_jupyter.sharing.dask_cluster.shipped_modules import ShippedModules

ELSEWHERE = """
import pickle, sys
first, second = pickle.load(sys.stdin.buffer), pickle.load(sys.stdin.buffer)
first.set("COLOUR", "red")
print(first, type(first) is type(second), type(first).__module__)
print([name for name in sys.modules if name.startswith("cognito_jupyter")])
"""


class ShippedObject:
    """Becomes a carried class's object where it is unpickled."""

    def __init__(self, carried: ShippedModules) -> None:
        self._shipped_modules = carried

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self._shipped_modules.reduce_value("sharing.environment", "ChangedEnvironment", {"environ": {}})


def test_an_object_arrives_where_the_package_is_not_and_its_modules_are_loaded_once() -> None:
    """-I -S: no site-packages, nothing of this environment."""
    carried = ShippedModules(["errors", "sharing.environment"])
    sent = pickle.dumps(ShippedObject(carried)) + pickle.dumps(ShippedObject(carried))
    ran = subprocess.run([sys.executable, "-I", "-S", "-c", ELSEWHERE], input=sent, capture_output=True, check=True)
    made, loaded = ran.stdout.decode().splitlines()
    root = made.rpartition(" ")[2].partition(".")[0]
    assert made == f"<ChangedEnvironment: 1 variables> True {root}.sharing.environment"
    assert eval(loaded) == [root, f"{root}.sharing", f"{root}.errors", f"{root}.sharing.environment"]
    assert root != "cognito_jupyter"


def test_different_sources_get_different_names() -> None:
    """Two versions of this package may send to the same worker."""
    one, other = ShippedModules(["errors"]), ShippedModules(["errors", "sharing.environment"])
    assert pickle.dumps(ShippedObject(one)) != pickle.dumps(ShippedObject(other))
    assert one._root != other._root
