"""Writes the figures as JSON, with what is needed to compare them with those of another day."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from .table import Figure, Group

_PACKAGES = ("cognito_jupyter", "boto3", "botocore", "requests", "urllib3", "mast_transfer_tools")


def write_record(path: Path, groups: Sequence[Group]) -> None:
    """Writes all figures, each with its samples.

    Args:
        path: The JSON file.
        groups: The figures.
    """
    record = {"machine": _machine(), "groups": [_group(group) for group in groups]}
    path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _machine() -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processors": os.cpu_count(),
        "switch_interval_ms": sys.getswitchinterval() * 1e3,
        "packages": {name: version for name in _PACKAGES if (version := _version(name)) is not None},
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _group(group: Group) -> dict[str, Any]:
    return {"title": group.title, "figures": [_figure(figure) for figure in group.figures]}


def _figure(figure: Figure) -> dict[str, Any]:
    reach = figure.reach
    return {
        "name": figure.name,
        "unit": figure.unit,
        "median": figure.median,
        "floor": {"name": figure.floor_name, "median": figure.floor_median, "samples": figure.floor},
        "ratio": figure.ratio,
        "samples": figure.samples,
        "errors": figure.errors[0],
        "reference": _reference(figure),
        "reach": {"limit": reach.limit, "of": reach.of, "reached": figure.reached} if reach is not None else None,
    }


def _reference(figure: Figure) -> dict[str, Any] | str | None:
    if figure.reference is None:
        return "not installed"
    if not figure.reference:
        return None
    return {"median": figure.reference_median, "samples": figure.reference, "errors": figure.errors[1]}
