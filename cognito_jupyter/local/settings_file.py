"""A cognito.toml, as far as a `LocalCognito` reads and writes one: ids, redirect URIs, sign-out URL.

The package that is tested has its own module for these files (`settings.toml_file`); this server imports nothing of it.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_IDS = ("user_pool_id", "identity_pool_id", "client_id", "client_secret")


def read_arguments(path: str | Path, profile: str | None = None) -> dict[str, Any]:
    """Returns the arguments of `LocalCognito` that a cognito.toml fixes; its domain is not among them.

    Args:
        path: The file.
        profile: The profile; None: the top-level settings alone.

    Raises:
        ValueError: The file is no TOML, it has no such profile, or a value is not of the right type.
        OSError: The file cannot be read.
    """
    settings = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    profiles = settings.get("profile", {})
    if profile is not None and profile not in profiles:
        raise ValueError(f"{path} has no profile {profile}; it has {', '.join(profiles) or 'none'}.")
    settings |= profiles[profile] if profile is not None else {}
    arguments: dict[str, Any] = {name: _text(settings, name) for name in _IDS if name in settings}
    # A pool's id says its Region; this one is for the sessions.
    if "user_pool_id" not in settings and "region" in settings:
        arguments["region"] = _text(settings, "region")
    if "redirect_uri" in settings:
        arguments["redirect_uris"] = _text(settings, "redirect_uri").split()
    if "logout_uri" in settings:
        arguments["logout_uris"] = [_text(settings, "logout_uri")]
    return arguments


def _text(settings: Mapping[str, Any], name: str) -> str:
    value = settings[name]
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a string.")  # noqa: TRY004 - a value of a file, as the other errors
    return value


def as_toml(values: Mapping[str, str]) -> str:
    """Returns settings as TOML, whose strings can be those of JSON."""
    lines = (f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items())
    return "\n".join(lines) + "\n"
