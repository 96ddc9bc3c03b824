"""The places where a setting may stand, from strongest to weakest, and what each of them says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from ..errors import SettingError
from . import parsers as setting_values
from .toml_file import (
    FILE_NAME,
    SETTING_NAMES,
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
"""From a setting to the environment variable that may hold it."""

_Value = TypeVar("_Value")
_Default = TypeVar("_Default")


@dataclass(frozen=True)
class Layer:
    """One place and what it says.

    Attributes:
        source: How a message names it, for a setting's name.
        values: Raw, by the setting's name; None and "" are not in it.
    """

    source: Callable[[str], str]
    values: Mapping[str, object]


@dataclass(frozen=True)
class LayeredSettings:
    """Looks a setting up in all places.

    Attributes:
        layers: From strongest to weakest.
        profile: The profile that was asked for; None: the default one.
        files: The settings files that were read.
        searched: All places, for the message about a setting that is nowhere.
        sources: Where each setting that was found came from; filled by `value`.
    """

    layers: tuple[Layer, ...]
    profile: str | None
    files: tuple[SettingsFile, ...]
    searched: str
    sources: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_sources(
        cls,
        given: tuple[Mapping[str, object], Mapping[str, object], Mapping[str, str]],
        folder: Path | None,
        profile: str | None,
        confirm_trust: ConfirmTrust | None,
    ) -> LayeredSettings:
        """The search over arguments, traits, environment and files.

        Args:
            given: The arguments, the traits, and the environment.
            folder: Where to start looking for cognito.toml; None: the working folder.
            profile: The profile asked for by an argument.
            confirm_trust: As for `resolve`.

        Raises:
            SettingError: A file is not to be trusted or not to be understood, or the profile is in none.
        """
        stronger_layers = _stronger_layers(*given, profile)
        files, searched = tuple(_read_files(folder)), _describe_searched(folder)
        with_project_file = cls._with_files(stronger_layers, files, searched)
        if all(file.scope is not Scope.PROJECT for file in files):
            return with_project_file
        try:
            without_project_file = cls._with_files(
                stronger_layers, [file for file in files if file.scope is not Scope.PROJECT], searched
            )
        except SettingError:  # only the file of the working folder has the profile
            without_project_file = None
        if without_project_file is not None and without_project_file.effective() == with_project_file.effective():
            return without_project_file
        for file in files:
            if file.scope is Scope.PROJECT:
                require_trust(file, confirm_trust)
        return with_project_file

    @classmethod
    def _with_files(cls, stronger_layers: list[Layer], files: Iterable[SettingsFile], searched: str) -> LayeredSettings:
        """The search with these files, whoever wrote them."""
        files = tuple(files)
        name = _requested_profile(stronger_layers, files)
        named = [_profile_layer(file, name) for file in files if name in file.profiles] if name else []
        return cls((*stronger_layers, *named, *map(_top_level_layer, files)), name, files, searched)

    def effective(self) -> dict[str, object]:
        """What the strongest places say, unchecked: equal where two searches lead to the same login."""
        found = {name: self.find_raw(name) for name in SETTING_NAMES}
        return {name: each[0] for name, each in found.items() if each is not None}

    def find_raw(self, name: str) -> tuple[object, str] | None:
        """What the strongest place says, unchecked, and which place it is."""
        for layer in self.layers:
            if name in layer.values:
                return layer.values[name], layer.source(name)
        return None

    def get_parsed(self, name: str, parse: Callable[[object], _Value], default: _Default) -> _Value | _Default:
        """A setting in its one form, or the default where no place has it.

        Raises:
            SettingError: It is malformed; the message names it and its source.
        """
        found = self.find_raw(name)
        if found is None:
            return default
        value, source = found
        self.sources[name] = source
        return parse_as(name, source, lambda: parse(value))

    def require_settings(self, *names: str) -> None:
        """Raises SettingError that names every one of these settings that no place has."""
        missing = [name for name in names if self.find_raw(name) is None]
        if not missing:
            return
        are = "is" if len(missing) == 1 else "are"
        raise SettingError(
            f"{' and '.join(missing)} {are} not set. Looked in {self.searched}.",
            "Whoever runs your Cognito knows the values.",
        )


def parse_as(name: str, source: str, parse: Callable[[], _Value]) -> _Value:
    """Parses, and names setting and source in the error.

    Raises:
        SettingError: The value is malformed.
    """
    try:
        return parse()
    except SettingError as error:
        raise SettingError(f"{name}, from {source}: {error.what}", error.remedy) from None


def known_profiles(folder: Path | None) -> list[str]:
    """The names of all profiles; a file that cannot be read has none."""
    names: set[str] = set()
    for path, place in _candidate_paths(folder):
        try:
            file = read_settings_file(path, place)
        except SettingError:
            continue
        names |= set(file.profiles) if file is not None else set()
    return sorted(names)


def _stronger_layers(
    overrides: Mapping[str, object], traits: Mapping[str, object], environment: Mapping[str, str], profile: str | None
) -> list[Layer]:
    variables = {name: environment.get(variable) for name, variable in ENVIRONMENT_NAMES.items()}
    return [
        Layer(lambda _: "the arguments", _non_empty({**overrides, "profile": profile or overrides.get("profile")})),
        Layer(lambda name: f"c.CognitoMagics.{name}", _non_empty(traits)),
        Layer(lambda name: f"the environment variable {ENVIRONMENT_NAMES[name]}", _non_empty(variables)),
    ]


def _non_empty(values: Mapping[str, object]) -> Mapping[str, object]:
    return {name: value for name, value in values.items() if value not in (None, "")}


def _candidate_paths(folder: Path | None) -> Iterator[tuple[Path, Scope]]:
    here = find_project_file(folder)
    seen = {user_path(), *system_paths()}
    # A notebook that lies in the user's config folder itself finds the user's own file.
    if here is not None and here not in seen:
        yield here, Scope.PROJECT
    yield user_path(), Scope.USER
    for path in system_paths():
        yield path, Scope.SYSTEM


def _read_files(folder: Path | None) -> Iterator[SettingsFile]:
    for path, place in _candidate_paths(folder):
        file = read_settings_file(path, place)
        if file is not None:
            yield file


def _requested_profile(stronger_layers: list[Layer], files: tuple[SettingsFile, ...]) -> str | None:
    """The profile that the strongest place asks for, which some file must have; no file can ask for one itself."""
    for layer in stronger_layers:
        if "profile" in layer.values:
            source, value = layer.source("profile"), layer.values["profile"]
            name = parse_as("profile", source, lambda: setting_values.profile_name(value))  # noqa: B023 - called at once
            known = sorted({each for file in files for each in file.profiles})
            if name in known:
                return name
            remedy = f"There are: {', '.join(known)}." if known else f"No {FILE_NAME} has any profile."
            raise SettingError(
                f"There is no profile {setting_values.quote_for_message(name)}, asked for by {source}.", remedy
            )
    return None


def _top_level_layer(file: SettingsFile) -> Layer:
    return Layer(lambda _: str(file.path), _non_empty(file.settings))


def _profile_layer(file: SettingsFile, profile: str) -> Layer:
    return Layer(lambda _: f"the profile {profile} in {file.path}", _non_empty(file.profiles[profile]))


def _describe_searched(folder: Path | None) -> str:
    here = find_project_file(folder) or f"a {FILE_NAME} beside the notebook or above it"
    variables = "the environment (COGNITO_DOMAIN, COGNITO_CLIENT_ID, ...)"
    files = ", ".join(map(str, [here, user_path(), *system_paths()]))
    return f"the arguments, c.CognitoMagics, {variables}, {files}"
