"""The places where a setting may stand, from strongest to weakest, and what each of them says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from . import setting_values
from .agreement import Agree, require_agreement
from .errors import SettingError
from .settings_file import FILE_NAME, SETTING_NAMES, Place, SettingsFile, folder_path, read, system_paths, user_path

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
class Search:
    """Looks a setting up in all places.

    Attributes:
        layers: From strongest to weakest.
        profile: The profile that was asked for; None: the default one.
        files: The settings files that were read.
        looked_in: All places, for the message about a setting that is nowhere.
        sources: Where each setting that was found came from; filled by `value`.
    """

    layers: tuple[Layer, ...]
    profile: str | None
    files: tuple[SettingsFile, ...]
    looked_in: str
    sources: dict[str, str] = field(default_factory=dict)

    @classmethod
    def over(
        cls,
        given: tuple[Mapping[str, object], Mapping[str, object], Mapping[str, str]],
        folder: Path | None,
        profile: str | None,
        agree: Agree | None,
    ) -> Search:
        """The search over arguments, traits, environment and files.

        Args:
            given: The arguments, the traits, and the environment.
            folder: Where to start looking for cognito.toml; None: the working folder.
            profile: The profile asked for by an argument.
            agree: As for `resolve`.

        Raises:
            SettingError: A file is not to be trusted or not to be understood, or the profile is in none.
        """
        above = _above_files(*given, profile)
        files, places = tuple(_files(folder)), _places(folder)
        search = cls._through(above, files, places)
        if all(file.place is not Place.FOLDER for file in files):
            return search
        try:
            without = cls._through(above, [file for file in files if file.place is not Place.FOLDER], places)
        except SettingError:  # only the file of the working folder has the profile
            without = None
        if without is not None and without.everything() == search.everything():
            return without
        for file in files:
            if file.place is Place.FOLDER:
                require_agreement(file, agree)
        return search

    @classmethod
    def _through(cls, above: list[Layer], files: Iterable[SettingsFile], places: str) -> Search:
        """The search with these files, whoever wrote them."""
        files = tuple(files)
        name = _profile(above, files)
        named = [_table(file, name) for file in files if name in file.profiles] if name else []
        return cls((*above, *named, *map(_top, files)), name, files, places)

    def everything(self) -> dict[str, object]:
        """What the strongest places say, unchecked: equal where two searches lead to the same login."""
        found = {name: self.raw(name) for name in SETTING_NAMES}
        return {name: each[0] for name, each in found.items() if each is not None}

    def raw(self, name: str) -> tuple[object, str] | None:
        """What the strongest place says, unchecked, and which place it is."""
        for layer in self.layers:
            if name in layer.values:
                return layer.values[name], layer.source(name)
        return None

    def value(self, name: str, parse: Callable[[object], _Value], default: _Default) -> _Value | _Default:
        """A setting in its one form, or the default where no place has it.

        Raises:
            SettingError: It is malformed; the message names it and its source.
        """
        found = self.raw(name)
        if found is None:
            return default
        value, source = found
        self.sources[name] = source
        return checked(name, source, lambda: parse(value))

    def require(self, *names: str) -> None:
        """Raises SettingError that names every one of these settings that no place has."""
        missing = [name for name in names if self.raw(name) is None]
        if not missing:
            return
        are = "is" if len(missing) == 1 else "are"
        raise SettingError(
            f"{' and '.join(missing)} {are} not set. Looked in {self.looked_in}.",
            "Whoever runs your Cognito knows the values.",
        )


def checked(name: str, source: str, parse: Callable[[], _Value]) -> _Value:
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
    for path, place in _paths(folder):
        try:
            file = read(path, place)
        except SettingError:
            continue
        names |= set(file.profiles) if file is not None else set()
    return sorted(names)


def _above_files(
    overrides: Mapping[str, object], traits: Mapping[str, object], environment: Mapping[str, str], profile: str | None
) -> list[Layer]:
    variables = {name: environment.get(variable) for name, variable in ENVIRONMENT_NAMES.items()}
    return [
        Layer(lambda _: "the arguments", _set({**overrides, "profile": profile or overrides.get("profile")})),
        Layer(lambda name: f"c.CognitoMagics.{name}", _set(traits)),
        Layer(lambda name: f"the environment variable {ENVIRONMENT_NAMES[name]}", _set(variables)),
    ]


def _set(values: Mapping[str, object]) -> Mapping[str, object]:
    return {name: value for name, value in values.items() if value not in (None, "")}


def _paths(folder: Path | None) -> Iterator[tuple[Path, Place]]:
    here = folder_path(folder)
    seen = {user_path(), *system_paths()}
    # A notebook that lies in the user's config folder itself finds the user's own file.
    if here is not None and here not in seen:
        yield here, Place.FOLDER
    yield user_path(), Place.USER
    for path in system_paths():
        yield path, Place.SYSTEM


def _files(folder: Path | None) -> Iterator[SettingsFile]:
    for path, place in _paths(folder):
        file = read(path, place)
        if file is not None:
            yield file


def _profile(above: list[Layer], files: tuple[SettingsFile, ...]) -> str | None:
    """The profile that the strongest place asks for, which some file must have; no file can ask for one itself."""
    for layer in above:
        if "profile" in layer.values:
            source, value = layer.source("profile"), layer.values["profile"]
            name = checked("profile", source, lambda: setting_values.name(value))  # noqa: B023 - called at once
            known = sorted({each for file in files for each in file.profiles})
            if name in known:
                return name
            remedy = f"There are: {', '.join(known)}." if known else f"No {FILE_NAME} has any profile."
            raise SettingError(f"There is no profile {setting_values.shown(name)}, asked for by {source}.", remedy)
    return None


def _top(file: SettingsFile) -> Layer:
    return Layer(lambda _: str(file.path), _set(file.settings))


def _table(file: SettingsFile, profile: str) -> Layer:
    return Layer(lambda _: f"the profile {profile} in {file.path}", _set(file.profiles[profile]))


def _places(folder: Path | None) -> str:
    here = folder_path(folder) or f"a {FILE_NAME} beside the notebook or above it"
    variables = "the environment (COGNITO_DOMAIN, COGNITO_CLIENT_ID, ...)"
    files = ", ".join(map(str, [here, user_path(), *system_paths()]))
    return f"the arguments, c.CognitoMagics, {variables}, {files}"
