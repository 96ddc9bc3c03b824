"""The libraries that the adapters are for: imported late, and a missing one is named with its pip command."""

from __future__ import annotations

import importlib
from types import ModuleType

from ...errors import MissingLibraryError


def import_library(module: str, extra: str) -> ModuleType:
    """Imports a library that only some people have.

    Args:
        module: What to import.
        extra: This package's extra that brings it.

    Raises:
        MissingLibraryError: It is not installed (an ImportError).
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name or module
        raise MissingLibraryError(
            f"The package {missing.partition('.')[0]} is not installed.",
            f"Install it: pip install 'cognito_jupyter[{extra}]'",
        ) from None
