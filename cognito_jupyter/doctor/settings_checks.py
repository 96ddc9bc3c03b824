"""Which value each setting has, from which file, what is locked, and what was looked for."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import SettingError
from ..settings import SETTING_NAMES, Settings
from ..settings.layers import candidate_files
from ..settings.toml_file import read_settings_file
from .report import Check, fail, note, ok

TOPIC = "settings"
_HIDDEN = frozenset({"client_secret", "login_hint"})
"""Settings whose values are secret, or name the user."""


def check_settings(settings: Settings) -> Iterator[Check]:
    """Yields a line for each setting that was found, and for each file that was looked for.

    Args:
        settings: The settings.
    """
    for name in SETTING_NAMES:
        if (source := settings.sources.get(name)) is None:
            continue
        holder = settings if hasattr(settings, name) else settings.configuration
        value = "(not shown)" if name in _HIDDEN else _in_words(getattr(holder, name))
        locked = ", which its administrator has locked" if name in settings.locked and "locks it" not in source else ""
        yield ok(TOPIC, f"{name} = {value}, from {source}{locked}.")
    yield from searched_files()


def failed_settings(error: SettingError) -> Iterator[Check]:
    """Yields why the settings cannot be used, and where they were looked for.

    Args:
        error: What is wrong with them.
    """
    yield fail(TOPIC, error.what, error.remedy)
    yield from searched_files()


def searched_files() -> Iterator[Check]:
    """Yields whether there is a settings file at each place where one is looked for."""
    missing = []
    for path, scope in candidate_files():
        try:
            file = read_settings_file(path, scope)
        except SettingError as error:
            yield fail(TOPIC, error.what, error.remedy)
            continue
        if file is None:
            missing.append(str(path))
        else:
            profiles = f", with the profiles {', '.join(sorted(file.profiles))}" if file.profiles else ""
            yield ok(TOPIC, f"{path} is read, as a file of {scope.value}{profiles}.")
    if missing:
        yield note(TOPIC, f"There is no file at {', '.join(missing)}.")


def _in_words(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
