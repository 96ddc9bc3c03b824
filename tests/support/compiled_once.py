"""The modules of the tests and of the package, compiled before a parallel run starts its processes.

In a new checkout each of these processes would compile all of them, at the same time as the others: pytest changes the
assertions of a test module before it compiles it, which takes longer than anything else until the tests are collected.
"""

from __future__ import annotations

import compileall
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.assertion import rewrite

import cognito_jupyter


def compile_once(config: pytest.Config) -> None:
    """Writes the compiled modules that do not exist yet; one that is out of date is left to whatever imports it.

    Args:
        config: pytest's own, of the process that starts the others.
    """
    if sys.dont_write_bytecode:
        return
    for folder in cognito_jupyter.__path__:
        compileall.compile_dir(folder, quiet=2)
    for path in _modules(config):
        if path.name.startswith("test_") or path.name == "conftest.py":
            _compile_test_module(path, config)
        else:
            compileall.compile_file(path, quiet=2)


def _modules(config: pytest.Config) -> Iterator[Path]:
    """Yields the modules in the folders that this run collects."""
    ignored = [config.rootpath / each for each in config.getoption("ignore") or ()]
    for argument in config.args:
        folder = config.invocation_params.dir / argument
        if folder.is_dir():
            for path in folder.rglob("*.py"):
                if not any(path.is_relative_to(each) for each in ignored):
                    yield path


def _compile_test_module(path: Path, config: pytest.Config) -> None:
    """Compiles a module as pytest does when it imports it, into the file in which pytest looks for it."""
    folder = rewrite.get_cache_dir(path)
    compiled = folder / (path.name.removesuffix(".py") + rewrite.PYC_TAIL)
    if not compiled.exists() and rewrite.try_makedirs(folder):
        version, code = rewrite._rewrite_test(path, config)
        rewrite._write_pyc(config.stash[rewrite.assertstate_key], code, version, compiled)
