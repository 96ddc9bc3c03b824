"""Runs a program with the simulation in a Python that loads neither PYTHONPATH nor sitecustomize."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from .installation import install


def run(arguments: list[str]) -> None:
    """Runs what `python` with these arguments would run, as the main program.

    Args:
        arguments: A file or `-c` and a program, and then its own arguments.
    """
    main: dict[str, Any] = vars(sys.modules["__main__"])
    builtins = install()
    if arguments[0] == "-c":
        source, name, sys.argv = arguments[1], "<string>", ["-c", *arguments[2:]]
    else:
        source, name, sys.argv = Path(arguments[0]).read_text(encoding="utf-8"), arguments[0], arguments
        main["__file__"] = name
    main["__builtins__"] = builtins
    exec(compile(source, name, "exec"), main)
