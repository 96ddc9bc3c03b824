"""Ships modules of this package in a pickle, to a machine where the package is not installed.

The Dask plugin and Ray's setup hook are shipped with it. The modules travel as source, because byte code is specific to
one version of Python, and cloudpickle's by-value pickling sends byte code. It never ships the whole package.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from itertools import accumulate
from typing import Any

WORKER_MODULES = (
    "_printable",
    "errors",
    "_util.closing",
    "_util.folders.retrying",
    "_util.redaction",
    "_util.threads.waiting",
    "_util.logs.secret_forms",
    "_util.logs.http_client",
    "_util.logs.redaction",
    "sharing.endpoint.environment",
    "sharing.endpoint.process",
    "sharing.cluster.worker_endpoint",
)
"""The endpoint of a worker process and what it imports of this package, each after its imports."""
_PACKAGE = __package__.partition(".")[0]
_UNPICKLE_EXPRESSION = (
    "exec(loader, {'root': root, 'sources': sources}) or getattr(__import__('sys').modules[home], name)(**state)"
)
_LOADER = """
import sys, threading, types
loading = sys.modules.setdefault("_loading_" + root, types.ModuleType("_loading_" + root))
with vars(loading).setdefault("lock", threading.Lock()):
    try:
        for name, source in sources if root not in sys.modules else ():
            module = sys.modules[name] = types.ModuleType(name)
            module.__file__, module.__package__ = name, name if source is None else name.rpartition(".")[0]
            if source is None:
                module.__path__ = []
            else:
                exec(compile(source, name, "exec"), vars(module))
    except BaseException:
        for name, source in sources:
            sys.modules.pop(name, None)
        raise
"""
"""The lock is for workers that are threads of one process: all others wait until the first has loaded the modules.
`setdefault` gives two threads that make it the same one. After a failure nothing stays that looks as if it were loaded.
"""


class ShippedModules:
    """Modules as source, loaded under a name of their own, and once in each process.

    The name contains a digest of the source, so that two versions of this package can ship to the same process. The
    modules may import the standard library, what is certainly installed there, and each other.

    Args:
        modules: Names relative to this package, such as "sharing.endpoint.process", each after those that it imports.
    """

    def __init__(self, modules: Sequence[str]) -> None:
        sources = {module: module_source(module) for module in modules}
        digest = hashlib.sha256(repr(sources).encode()).hexdigest()[:12]
        self._root = f"{_PACKAGE}_{digest}"
        # "sharing.endpoint.process" needs the packages "sharing" and "sharing.endpoint".
        parents = {package for module in modules for package in accumulate(module.split(".")[:-1], "{}.{}".format)}
        self._sources: list[tuple[str, str | None]] = [(self._root, None)]
        self._sources += [(f"{self._root}.{package}", None) for package in sorted(parents)]
        self._sources += [(f"{self._root}.{module}", source) for module, source in sources.items()]

    def reduce_value(
        self, module: str, name: str, state: Mapping[str, Any]
    ) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Returns the value of `__reduce__` for an object of a shipped class.

        Args:
            module: The module of its class, relative to this package.
            name: The class.
            state: The keyword arguments that create the object.
        """
        # The state comes last: Dask logs the beginning of a pickle that it cannot load.
        names: dict[str, object] = {"loader": _LOADER, "root": self._root, "sources": self._sources}
        names |= {"home": f"{self._root}.{module}", "name": name, "state": dict(state)}
        return eval, (_UNPICKLE_EXPRESSION, names)


def module_source(module: str) -> str:
    """Returns the source of one of this package's modules, by its name relative to the package."""
    *folders, name = module.split(".")
    return resources.files(_PACKAGE).joinpath(*folders, f"{name}.py").read_text(encoding="utf-8")
