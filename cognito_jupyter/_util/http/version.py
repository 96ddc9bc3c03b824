"""This package's version, of which `pyproject.toml` takes it.

A constant: to look it up in the installed package's metadata takes as long as everything else in a new session.
"""

from __future__ import annotations

VERSION = "0.1.0"
