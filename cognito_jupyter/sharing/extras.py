"""Imports the optional libraries, late and with a helpful error; every adapter and `dask` call it."""

from __future__ import annotations

import importlib
from types import ModuleType

from ..errors import MissingLibraryError


def import_library(module: str, extra: str) -> ModuleType:
    """Imports an optional library.

    Args:
        module: The module.
        extra: The extra of this package that installs it.

    Raises:
        MissingLibraryError: The library, or one that it needs, is not installed (an ImportError).
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name or module
        raise MissingLibraryError(
            f"The package {missing.partition('.')[0]} is not installed.",
            f'Install it: pip install "cognito_jupyter[{extra}]"',  # double quotes: cmd knows no other ones
        ) from None
