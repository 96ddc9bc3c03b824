"""The places that may hold a setting, from strongest to weakest; `settings.resolve` looks each setting up in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from ..errors import SettingError
from . import SETTING_NAMES, parsers
from .toml_file import (
    FILE_NAME,
    Scope,
    SettingsFile,
    find_project_file,
    read_settings_file,
    system_paths,
    user_path,
)
from .trust import ConfirmTrust, require_trust

ENVIRONMENT_NAMES = {
    name: f"COGNITO_{name.upper()}"
    for name in ("domain", "client_id", "redirect_uri", "region", "user_pool_id", "identity_pool_id", "profile")
}
"""The environment variable of each setting that has one."""

_Value = TypeVar("_Value")
_Default = TypeVar("_Default")


@dataclass(frozen=True)
class Layer:
    """One place and its settings.

    Attributes:
        source: Returns how a message names the place, for a setting's name.
        values: The raw values by setting name, without None and "".
    """

    source: Callable[[str], str]
    values: Mapping[str, object]


@dataclass(frozen=True)
class LayeredSettings:
    """Looks a setting up in all places.

    Attributes:
        layers: From strongest to weakest.
        profile: The selected profile; None: the default one.
        files: The settings files that were read.
        searched: All places, for the message about a missing setting.
        sources: Where each setting came from; filled by `get_parsed`.
    """

    layers: tuple[Layer, ...]
    profile: str | None
    files: tuple[SettingsFile, ...]
    searched: str
    sources: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_sources(  # noqa: PLR0913 - the places to look, from strongest to weakest
        cls,
        overrides: Mapping[str, object],
        traits: Mapping[str, object],
        environment: Mapping[str, str],
        *,
        folder: Path | None,
        profile: str | None,
        confirm_trust: ConfirmTrust | None,
    ) -> LayeredSettings:
        """Reads the files and puts them below arguments, traits and environment.

        The user has to trust a file in the working folder, but only where it would change the login.

        Args:
            overrides: The arguments.
            traits: The values of `c.CognitoMagics`.
            environment: The environment variables.
            folder: Where to start looking for cognito.toml; None: the working folder.
            profile: The profile that an argument selects.
            confirm_trust: As for `resolve`.

        Raises:
            SettingError: A file is malformed or not trusted, or no file has the profile.
        """
        variables = {name: environment.get(variable) for name, variable in ENVIRONMENT_NAMES.items()}
        stronger_layers = [
            Layer(lambda _: "the arguments", _non_empty({**overrides, "profile": profile or overrides.get("profile")})),
            Layer(lambda name: f"c.CognitoMagics.{name}", _non_empty(traits)),
            Layer(lambda name: f"the environment variable {ENVIRONMENT_NAMES[name]}", _non_empty(variables)),
        ]
        here = find_project_file(folder) or f"a {FILE_NAME} beside the notebook or above it"
        searched = (
            "the arguments, c.CognitoMagics, the environment (COGNITO_DOMAIN, COGNITO_CLIENT_ID, ...), "
            + ", ".join(map(str, [here, user_path(), *system_paths()]))
        )
        read = (read_settings_file(path, scope) for path, scope in _candidate_paths(folder))
        files = [file for file in read if file is not None]
        project_files = [file for file in files if file.scope is Scope.PROJECT]
        with_project_file = cls._with_files(stronger_layers, files, searched)
        if not project_files:
            return with_project_file
        try:
            others = [file for file in files if file.scope is not Scope.PROJECT]
            without_project_file = cls._with_files(stronger_layers, others, searched)
        except SettingError:
            pass  # only the project file has the profile
        else:
            if without_project_file.effective() == with_project_file.effective():
                return without_project_file
        for file in project_files:
            require_trust(file, confirm_trust)
        return with_project_file

    @classmethod
    def _with_files(
        cls, stronger_layers: Sequence[Layer], files: Sequence[SettingsFile], searched: str
    ) -> LayeredSettings:
        """Returns the layers with these files, trusted or not."""
        profile = _requested_profile(stronger_layers, files)
        profile_layers = (
            [_profile_layer(file, profile) for file in files if profile in file.profiles] if profile else []
        )
        layers = (*stronger_layers, *profile_layers, *map(_top_level_layer, files))
        return cls(layers, profile, tuple(files), searched)

    def effective(self) -> dict[str, object]:
        """Returns the strongest raw value of each setting: equal where two searches lead to the same login."""
        found = {name: self.find_raw(name) for name in SETTING_NAMES}
        return {name: each[0] for name, each in found.items() if each is not None}

    def find_raw(self, name: str) -> tuple[object, str] | None:
        """Returns a setting's strongest raw value and its source; None where it is missing."""
        for layer in self.layers:
            if name in layer.values:
                return layer.values[name], layer.source(name)
        return None

    def get_parsed(self, name: str, parse: Callable[[object], _Value], default: _Default) -> _Value | _Default:
        """Returns a setting's validated value, and notes its source.

        Args:
            name: The setting.
            parse: One of `settings.parsers`.
            default: What to return where the setting is missing.

        Raises:
            SettingError: The value is malformed; the message names the setting and its source.
        """
        found = self.find_raw(name)
        if found is None:
            return default
        value, source = found
        self.sources[name] = source
        return parse_as(name, source, parse, value)

    def require_settings(self, *names: str) -> None:
        """Raises a SettingError that names every one of these settings that is missing."""
        missing = [name for name in names if self.find_raw(name) is None]
        if not missing:
            return
        are = "is" if len(missing) == 1 else "are"
        raise SettingError(
            f"{' and '.join(missing)} {are} not set. Looked in {self.searched}.",
            "Ask your administrator for the values, or for a cognito.toml.",
        )


def parse_as(name: str, source: str, parse: Callable[[object], _Value], value: object) -> _Value:
    """Parses a value, and names the setting and its source in the error.

    Args:
        name: The setting.
        source: Where the value came from, for the message.
        parse: One of `settings.parsers`.
        value: The raw value.

    Raises:
        SettingError: The value is malformed.
    """
    try:
        return parse(value)
    except SettingError as error:
        raise SettingError(f"{name}, from {source}: {error.what}", error.remedy) from None


def known_profiles(folder: Path | None = None) -> list[str]:
    """Returns the names of the profiles in all files, for completion; skips a file that cannot be read.

    Args:
        folder: Where to start looking for cognito.toml; None: the working folder.
    """
    names: set[str] = set()
    for path, scope in _candidate_paths(folder):
        try:
            file = read_settings_file(path, scope)
        except SettingError:
            continue
        names |= set(file.profiles) if file is not None else set()
    return sorted(names)


def _non_empty(values: Mapping[str, object]) -> Mapping[str, object]:
    return {name: value for name, value in values.items() if value not in (None, "")}


def _candidate_paths(folder: Path | None) -> Iterator[tuple[Path, Scope]]:
    project_file = find_project_file(folder)
    # A notebook that lies in the user's config folder itself finds the user's own file.
    if project_file is not None and project_file not in {user_path(), *system_paths()}:
        yield project_file, Scope.PROJECT
    yield user_path(), Scope.USER
    for path in system_paths():
        yield path, Scope.SYSTEM


def _requested_profile(stronger_layers: Sequence[Layer], files: Sequence[SettingsFile]) -> str | None:
    """Returns the profile that the strongest layer selects; some file must have it, and no file can select one."""
    layer = next((each for each in stronger_layers if "profile" in each.values), None)
    if layer is None:
        return None
    source = layer.source("profile")
    name = parse_as("profile", source, parsers.profile_name, layer.values["profile"])
    known = sorted({each for file in files for each in file.profiles})
    if name not in known:
        remedy = f"There are: {', '.join(known)}." if known else f"No {FILE_NAME} has any profile."
        raise SettingError(f"There is no profile {parsers.quote_for_message(name)}, selected by {source}.", remedy)
    return name


def _top_level_layer(file: SettingsFile) -> Layer:
    return Layer(lambda _: str(file.path), _non_empty(file.settings))


def _profile_layer(file: SettingsFile, profile: str) -> Layer:
    return Layer(lambda _: f"the profile {profile} in {file.path}", _non_empty(file.profiles[profile]))
