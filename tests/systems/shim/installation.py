"""Gives the modules of the simulated packages builtins of their own, whose `__import__` returns altered modules."""

from __future__ import annotations

import builtins
import importlib.abc
import importlib.machinery
import os
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from . import clocks, folders, macos, waits, windows_calls, windows_files, windows_processes, windows_sockets
from .altered_module import AlteredModule
from .missing_names import MISSING_MODULES, MISSING_NAMES
from .options import NOT_SIMULATED, PACKAGES, PLATFORMS, SYSTEM, is_on

_PYTEST_HOOK = "_pytest.assertion.rewrite"
_SYSTEM_NAMES = {"windows": "Windows", "macos": "Darwin"}


def _is_within(name: str, packages: Sequence[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def is_simulated(name: str) -> bool:
    """Returns whether a module of this name sees the simulated system."""
    return _is_within(name, PACKAGES) and not _is_within(name, NOT_SIMULATED)


def _all_changes() -> dict[str, dict[str, Any]]:
    parts = [folders.changes(SYSTEM)]
    if SYSTEM == "windows":
        parts += [windows_files.changes(), windows_sockets.changes(), windows_processes.changes()]
        parts.append(windows_calls.changes())
        parts += [clocks.changes()] if is_on("clocks") else []
    else:
        parts.append(macos.changes())
    platform = {"system": lambda: _SYSTEM_NAMES[SYSTEM]}
    changed: dict[str, dict[str, Any]] = {"sys": {"platform": PLATFORMS[SYSTEM]}, "platform": platform}
    for part in parts:
        for module, names in part.items():
            if module in changed:
                changed[module].update(names)
            else:
                changed[module] = names
    return changed


class _Importer:
    """The `__import__` of simulated code.

    Attributes:
        builtins: The builtins of simulated code.
    """

    def __init__(self) -> None:
        self._missing, self._changed = MISSING_NAMES[SYSTEM], _all_changes()
        self._altered: dict[str, AlteredModule] = {}
        self._import = builtins.__import__
        self.builtins = {**vars(builtins), "__import__": self.load}
        if SYSTEM == "windows":
            self.builtins["open"] = windows_files.open_text

    def load(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,  # noqa: A002 - its name there
        locals: Mapping[str, Any] | None = None,  # noqa: A002 - likewise
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """Is `__import__`.

        Args:
            name: As there.
            globals: As there.
            locals: As there.
            fromlist: As there.
            level: As there.
        """
        if level == 0 and name.partition(".")[0] in MISSING_MODULES[SYSTEM]:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        module = self._import(name, globals, locals, fromlist or (), level)
        return module if level else self.alter(module)

    def alter(self, module: ModuleType) -> ModuleType:
        """Returns what a module is on the simulated system."""
        name = "os.path" if module is os.path else module.__name__
        if name not in self._missing and name not in self._changed:
            return module
        if name not in self._altered:
            changed = self._changed.get(name, {})
            if name == "os" and "os.path" in self._changed:
                changed["path"] = self.alter(os.path)
            self._altered[name] = AlteredModule(module, self._missing.get(name, frozenset()), changed)
        return self._altered[name]


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads a module of the simulated packages.

    Args:
        fullname: The module's name.
        path: Its file.
        importer: What it imports by.
    """

    def __init__(self, fullname: str, path: str, importer: _Importer) -> None:
        super().__init__(fullname, path)
        self._importer = importer

    def exec_module(self, module: ModuleType) -> None:
        vars(module)["__builtins__"] = self._importer.builtins
        super().exec_module(module)

    def get_code(self, fullname: str) -> Any:
        if sys._getframe(1).f_globals.get("__name__") == "runpy":  # `python -m` runs it as the main program
            vars(sys.modules["__main__"])["__builtins__"] = self._importer.builtins
        return super().get_code(fullname)


class _HookLoader(importlib.machinery.SourceFileLoader):
    """Loads the part of pytest that itself loads modules, those of the simulated packages among them.

    Args:
        fullname: The module's name.
        path: Its file.
        importer: What the modules that it loads import by.
    """

    def __init__(self, fullname: str, path: str, importer: _Importer) -> None:
        super().__init__(fullname, path)
        self._importer = importer

    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        hook = vars(module)["AssertionRewritingHook"]
        execute = hook.exec_module

        def exec_module(this: Any, loaded: ModuleType) -> None:
            if is_simulated(loaded.__name__):
                vars(loaded)["__builtins__"] = self._importer.builtins
            execute(this, loaded)

        hook.exec_module = exec_module


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the modules of the simulated packages as the other finders do, and gives them the loader above.

    Args:
        importer: What they import by.
    """

    def __init__(self, importer: _Importer) -> None:
        self._importer = importer

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if not is_simulated(fullname) and fullname != _PYTEST_HOOK:
            return None
        loader = _HookLoader if fullname == _PYTEST_HOOK else _Loader
        for finder in sys.meta_path:
            if finder is self:
                continue
            spec = finder.find_spec(fullname, path, target)
            if spec is not None and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
                spec.loader = loader(spec.loader.name, spec.loader.path, self._importer)
            if spec is not None:
                return spec
        return None


def install() -> dict[str, Any]:
    """Simulates the system that the environment names, from now on in this process; returns the builtins there."""
    importer = _Importer()
    sys.meta_path.insert(0, _Finder(importer))
    if SYSTEM == "windows":
        windows_files.alter_paths(importer.builtins)
        windows_sockets.install_linger_option()
        if is_on("encodings"):
            windows_files.read_configurations()
        if is_on("waits"):
            waits.install()
    else:
        macos.install_peer_option()
    return importer.builtins
