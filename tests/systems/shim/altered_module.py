"""A module without some of its names, and with others changed."""

from __future__ import annotations

import sys
from collections.abc import Mapping, MutableMapping
from types import ModuleType
from typing import Any


class AlteredModule(ModuleType):
    """Stands for a module; whatever is not missing or changed is the module's own.

    Args:
        module: The module.
        missing: Names that it has here, and lacks on the simulated system.
        changed: Names with what they are on the simulated system.
    """

    def __init__(self, module: ModuleType, missing: frozenset[str], changed: MutableMapping[str, Any]) -> None:
        super().__init__(module.__name__)
        object.__getattribute__(self, "__dict__").update(_module=module, _missing=missing, _changed=changed)

    def __getattribute__(self, name: str) -> Any:
        own = object.__getattribute__(self, "__dict__")
        if name == "__class__":
            return object.__getattribute__(self, name)
        if name == "__dict__":  # what pytest's monkeypatch looks into
            names = {**vars(own["_module"]), **own["_changed"]}
            return {each: value for each, value in names.items() if each not in own["_missing"]}
        if name in own["_changed"]:
            return own["_changed"][name]
        if name in own["_missing"]:
            raise AttributeError(f"module {own['_module'].__name__!r} has no attribute {name!r}", name=name, obj=self)
        return getattr(own["_module"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        own = object.__getattribute__(self, "__dict__")
        if name in own["_changed"]:
            own["_changed"][name] = value
        else:
            setattr(own["_module"], name, value)

    def __delattr__(self, name: str) -> None:
        own = object.__getattribute__(self, "__dict__")
        if own["_changed"].pop(name, self) is self:
            delattr(own["_module"], name)

    def __dir__(self) -> list[str]:
        own = object.__getattribute__(self, "__dict__")
        return sorted((set(dir(own["_module"])) | set(own["_changed"])) - own["_missing"])


def called_by_simulated_code(builtins: Mapping[str, Any]) -> bool:
    """Returns whether the function that calls this was itself called by a module that sees the simulated system.

    Args:
        builtins: The builtins of such modules.
    """
    return sys._getframe(2).f_builtins is builtins
