"""Modules of this package that travel in a pickle, to a machine that has not got them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from typing import Any

_PACKAGE = __package__.partition(".")[0]
_UNPICKLE_EXPRESSION = (
    "exec(loader, {'root': root, 'texts': texts}) or getattr(__import__('sys').modules[home], name)(**state)"
)
_LOADER = """
import sys, types
if root not in sys.modules:
    for name, text in texts:
        module = sys.modules[name] = types.ModuleType(name)
        module.__file__, module.__package__ = name, name if text is None else name.rpartition(".")[0]
        if text is None:
            module.__path__ = []
        else:
            exec(compile(text, name, "exec"), vars(module))
"""


class ShippedModules:
    """Modules as text, under a name of their own, loaded once in each process that they come to.

    As text, since byte code is for one version of Python alone. They may import the standard library, what is surely
    there, and each other.

    Args:
        modules: Names relative to this package, such as "sharing.environment", each after those that it imports.
    """

    def __init__(self, modules: Sequence[str]) -> None:
        sources = {module: module_source(*module.split(".")) for module in modules}
        digest = hashlib.sha256(repr(sources).encode()).hexdigest()[:12]
        self._root = f"{_PACKAGE}_{digest}"
        packages = {module.rpartition(".")[0] for module in modules} - {""}
        self._sources: list[tuple[str, str | None]] = [(self._root, None)]
        self._sources += [(f"{self._root}.{package}", None) for package in sorted(packages)]
        self._sources += [(f"{self._root}.{module}", text) for module, text in sources.items()]

    def reduce_value(
        self, module: str, name: str, state: Mapping[str, Any]
    ) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """What `__reduce__` returns for an object that is to be made from a carried class.

        Args:
            module: Where its class is.
            name: The class.
            state: The arguments to make it with.
        """
        # The state comes last: what cannot be read is logged by its beginning.
        names = {"loader": _LOADER, "root": self._root, "texts": self._sources}
        return eval, (
            _UNPICKLE_EXPRESSION,
            names | {"home": f"{self._root}.{module}", "name": name, "state": dict(state)},
        )


def module_source(*path: str) -> str:
    """The text of one of this package's modules."""
    *folders, name = path
    return resources.files(_PACKAGE).joinpath(*folders, f"{name}.py").read_text(encoding="utf-8")
