"""Finds the reference implementation, mast_transfer_tools 1.0.3 from PyPI, if it is installed."""

from __future__ import annotations

import dataclasses
import importlib
import sys
from types import ModuleType
from typing import Any

from cognito_jupyter.settings import CognitoConfiguration

_PACKAGE = "mast_transfer_tools"


def find_reference() -> Any | None:
    """Returns its Cognito module; None if it is not installed, which no benchmark requires.

    `pip install --no-deps mast_transfer_tools==1.0.3` is enough: its Cognito module needs only boto3, requests and one
    dataclass. The dataclass is replaced, because its own module would import pandas.
    """
    types = f"{_PACKAGE}.types"
    before = sys.modules.get(types)
    sys.modules[types] = _stand_in(types)
    try:
        return importlib.import_module(f"{_PACKAGE}.upload.cognito")
    except ModuleNotFoundError as error:
        if error.name != _PACKAGE:
            raise
        return None
    finally:
        if before is None:
            del sys.modules[types]
        else:
            sys.modules[types] = before


def _stand_in(name: str) -> ModuleType:
    module = ModuleType(name)
    names = [field.name for field in dataclasses.fields(CognitoConfiguration)]
    vars(module)["CognitoConfiguration"] = dataclasses.make_dataclass("CognitoConfiguration", names)
    return module
