"""Modules shipped in a pickle to a Python without this package."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from cognito_jupyter.sharing.cluster.shipped_modules import WORKER_MODULES, ShippedModules

MODULES = ["_printable", "errors", "sharing.endpoint.environment"]
OTHER_MACHINE = """
import pickle, sys
first, second = pickle.load(sys.stdin.buffer), pickle.load(sys.stdin.buffer)
first.set("COLOUR", "red")
print(first, type(first) is type(second), type(first).__module__)
print([name for name in sys.modules if name.startswith("cognito_jupyter")])
"""


class ShippedObject:
    """Becomes an object of a shipped class where it is unpickled.

    Args:
        modules: The modules.
        value: The shipped class's module and name, and the arguments.
    """

    def __init__(self, modules: ShippedModules, *value: Any) -> None:
        self._modules = modules
        self._value = value or ("sharing.endpoint.environment", "EnvironmentOverlay", {"environ": {}})

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self._modules.reduce_value(*self._value)


def test_an_object_arrives_without_the_package_and_its_modules_are_loaded_once() -> None:
    """-I -S: no site-packages, nothing of this environment."""
    modules = ShippedModules(MODULES)
    sent = pickle.dumps(ShippedObject(modules)) + pickle.dumps(ShippedObject(modules))
    ran = subprocess.run([sys.executable, "-I", "-S", "-c", OTHER_MACHINE], input=sent, capture_output=True, check=True)
    made, loaded = ran.stdout.decode().splitlines()
    root = made.rpartition(" ")[2].partition(".")[0]
    assert made == f"<EnvironmentOverlay: 1 variables> True {root}.sharing.endpoint.environment"
    packages = [root, f"{root}.sharing", f"{root}.sharing.endpoint"]
    assert eval(loaded) == [*packages, *(f"{root}.{module}" for module in MODULES)]
    assert root != "cognito_jupyter"


SEVERAL_THREADS = """
import pickle, sys, threading
from concurrent.futures import ThreadPoolExecutor
sent, together = sys.stdin.buffer.read(), threading.Barrier(8)

def load(number):
    together.wait()
    return type(pickle.loads(sent)).__name__

with ThreadPoolExecutor(8) as pool:
    print(*set(pool.map(load, range(8))))
"""


def test_an_object_arrives_in_several_threads_of_a_process_at_once() -> None:
    """As with the workers of one process."""
    sent = pickle.dumps(ShippedObject(ShippedModules(MODULES)))
    command = [sys.executable, "-I", "-S", "-c", SEVERAL_THREADS]
    ran = subprocess.run(command, input=sent, capture_output=True, check=False)
    assert ran.stdout.decode() == "EnvironmentOverlay\n", ran.stderr.decode()


def test_different_sources_get_different_names() -> None:
    """Two versions of this package may ship to the same worker."""
    one, other = ShippedModules(["errors"]), ShippedModules(MODULES)
    assert pickle.dumps(ShippedObject(one)) != pickle.dumps(ShippedObject(other))
    assert one._root != other._root


def test_the_endpoint_of_a_worker_needs_no_module_that_is_not_shipped() -> None:
    """Each module that it comes to import must be added to the list, in the order of the imports."""
    shipped = ShippedObject(ShippedModules(WORKER_MODULES), "sharing.cluster.worker_endpoint", "WorkerEndpoint", {})
    sent = pickle.dumps(shipped)
    program = "import pickle, sys\nprint(type(pickle.load(sys.stdin.buffer)).__name__)"
    ran = subprocess.run([sys.executable, "-I", "-S", "-c", program], input=sent, capture_output=True, check=False)
    assert ran.stdout.decode().strip() == "WorkerEndpoint", ran.stderr.decode()
