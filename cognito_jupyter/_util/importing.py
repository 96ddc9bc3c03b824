"""Imports of large packages, without the garbage collector.

What an import makes stays, and Python's collector looks at all of it again and again while it grows: that is a
twelfth of the time of `import boto3`. The modules that import boto3, ipywidgets or cryptography for a user who waits
are imported through here.
"""

from __future__ import annotations

import gc
import importlib
import sys

_FROZEN_BY_PYTHON = 1000
"""More objects than Python 3.12 freezes at its start, which are some hundreds; gc.freeze() freezes many thousands."""


def import_large(name: str) -> None:
    """Imports a module and what it needs; an import statement then binds its names at once.

    The objects that exist afterwards are put into the collector's oldest generation, where it would have put them: a
    later full collection frees those that are garbage, as always.

    Args:
        name: The module's full name.
    """
    # Objects that the user has frozen are to stay so, and below all are unfrozen.
    if name in sys.modules or not gc.isenabled() or gc.get_freeze_count() > _FROZEN_BY_PYTHON:
        importlib.import_module(name)
        return
    try:
        gc.disable()
        importlib.import_module(name)
    finally:
        gc.freeze()
        gc.unfreeze()
        gc.enable()
