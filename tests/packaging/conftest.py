"""The files of a release, which `nox -s build` has built."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def dist() -> Path:
    """The folder of the wheel and of the source archive."""
    return Path(os.environ["DIST_FOLDER"])


@pytest.fixture(scope="session")
def wheel(dist: Path) -> Path:
    (path,) = dist.glob("*.whl")
    return path


@pytest.fixture(scope="session")
def source_archive(dist: Path) -> Path:
    (path,) = dist.glob("*.tar.gz")
    return path
