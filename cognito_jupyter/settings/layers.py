"""The places that may hold a setting, from strongest to weakest; `settings.resolve` looks each setting up in them."""

from __future__ import annotations

import os
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import TypeVar

from .._util.redaction import Secret
from ..errors import SettingError
from . import SETTING_NAMES, parsers
from .toml_file import (
    FILE_NAME,
    Scope,
    SettingsFile,
    exposed_secret_error,
    find_project_file,
    hide_secret,
    read_settings_file,
    system_paths,
    user_path,
)
from .trust import ConfirmTrust, require_trust

ENVIRONMENT_NAMES = {
    name: f"COGNITO_{name.upper()}"
    for name in (
        "domain",
        "client_id",
        "client_secret",
        "redirect_uri",
        "region",
        "user_pool_id",
        "identity_pool_id",
        "identity_provider",
        "idp_identifier",
        "login_hint",
        "role_selection",
        "profile",
    )
}
"""The environment variable of each setting that has one."""

_Layer = dict[str, tuple[object, str]]
"""One place: the raw value of each setting that it holds, and how a message names the place."""

_LOCKED_BY_FALSE = ("remember",)
"""Settings that the system's file forbids by false alone."""

_EMPTY = (None, "")
"""Raw values that count as missing."""

_Value = TypeVar("_Value")


@dataclass(frozen=True)
class LayeredSettings:
    """Looks a setting up in all places.

    Attributes:
        found: The raw value of each setting in the strongest place that has it, and how a message names that place.
        profile: The selected profile; None: the default one.
        files: The settings files that were read.
        locked: The file of the system that decides a setting alone, for each locked setting.
        sources: Where each setting came from; filled by `get_parsed`.
    """

    found: Mapping[str, tuple[object, str]]
    profile: str | None
    files: tuple[SettingsFile, ...]
    locked: Mapping[str, SettingsFile] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_sources(
        cls,
        overrides: Mapping[str, object],
        traits: Mapping[str, object],
        environment: Mapping[str, str] | None,
        confirm_trust: ConfirmTrust | None,
    ) -> LayeredSettings:
        """Reads the files and puts them below arguments, traits and environment.

        The user has to trust a file in the working folder, but only where it would change the login.

        Args:
            overrides: The arguments.
            traits: The values of `c.CognitoMagics`.
            environment: The environment variables; None: this process's.
            confirm_trust: As for `resolve`.

        Raises:
            SettingError: A file is malformed or not trusted, no file has the profile, or an argument is for a setting
                that an administrator has locked.
        """
        stronger: list[_Layer] = [
            _layer(overrides, "the arguments"),
            {name: (value, f"c.CognitoMagics.{name}") for name, value in traits.items() if value not in _EMPTY},
        ]
        for layer in stronger:
            if "client_secret" in layer:
                raise exposed_secret_error(layer["client_secret"][1])
        stronger.append(_environment_layer(environment))
        read = (read_settings_file(path, scope) for path, scope in candidate_files())
        files = [file for file in read if file is not None]
        with_project_file = cls.with_files(stronger, files)
        with_project_file.require_unlocked(stronger[0])
        if not files or files[0].scope is not Scope.PROJECT:
            return with_project_file
        try:
            without_project_file = cls.with_files(stronger, files[1:])
        except SettingError:
            pass  # only the project file has the profile
        else:
            if without_project_file.effective() == with_project_file.effective():
                return without_project_file
        require_trust(files[0], confirm_trust)
        return with_project_file

    @classmethod
    def with_files(cls, stronger: Sequence[_Layer], files: Sequence[SettingsFile]) -> LayeredSettings:
        """Returns the layers with these files, trusted or not.

        Args:
            stronger: The layers above the files.
            files: The files, from strongest to weakest.

        Raises:
            SettingError: No file has the selected profile.
        """
        profile = _selected_profile(stronger, files)
        named = [file for file in files if profile is not None and profile in file.profiles]
        profiles = [_layer(file.profiles[str(profile)], f"the profile {profile} in {file.path}") for file in named]
        top_levels = [_layer(file.settings, str(file.path)) for file in files]
        layers = [*stronger, *profiles, *top_levels]
        client_id = ChainMap(*layers).get("client_id", (None, ""))[0]
        # A profile without a client_id is about the app client at the top of its file.
        clients = [*(None for _ in stronger), *(file.settings.get("client_id") for file in named)]
        own = [_without_other_secret(layer, client_id, other) for layer, other in zip_longest(layers, clients)]
        locked = _locks(profile, files)
        found = {name: entry for name, entry in ChainMap(*own).items() if name not in locked}
        for name, file in locked.items():
            if (value := _value_in(file, name, profile)) not in _EMPTY:
                found[name] = value, f"{file.path}, which locks it"
        return cls(found, profile, tuple(files), locked)

    def require_unlocked(self, arguments: _Layer) -> None:
        """Checks that no argument asks for another value than a locked setting has.

        Whatever else would set it is only not used: a user's own file may be older than the lock.

        Args:
            arguments: The arguments of a magic or a command.

        Raises:
            SettingError: One does.
        """
        for name, file in self.locked.items():
            if name in arguments and arguments[name][0] != self.found.get(name, (None, ""))[0]:
                raise SettingError(
                    f"{name} is locked by {file.path}, and the arguments ask for another value.",
                    "Leave that argument out, or ask the administrator of this computer.",
                )

    def effective(self) -> dict[str, object]:
        """Returns the strongest raw value of each setting: equal where two searches lead to the same login."""
        return {name: self.found[name][0] for name in SETTING_NAMES if name in self.found}

    def get_parsed(self, name: str, parse: Callable[[object], _Value], default: _Value) -> _Value:
        """Returns a setting's validated value, and notes its source.

        Args:
            name: The setting.
            parse: One of `settings.parsers`.
            default: What to return where the setting is missing.

        Raises:
            SettingError: The value is malformed; the message names the setting and its source.
        """
        if name not in self.found:
            return default
        value, source = self.found[name]
        self.sources[name] = source
        return parse_as(name, source, parse, value)

    def require_settings(self, *names: str) -> None:
        """Raises a SettingError that names every one of these settings that is missing."""
        missing = [name for name in names if name not in self.found]
        if missing:
            are = "is" if len(missing) == 1 else "are"
            here = find_project_file() or f"a {FILE_NAME} beside the notebook or above it"
            paths = ", ".join(map(str, (here, user_path(), *system_paths())))
            raise SettingError(
                f"{' and '.join(missing)} {are} not set. Looked in the arguments, c.CognitoMagics, the environment "
                f"(COGNITO_DOMAIN, COGNITO_CLIENT_ID, ...), {paths}.",
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


def known_profiles() -> list[str]:
    """Returns the names of the profiles in all files, for completion; skips a file that cannot be read."""
    names: set[str] = set()
    for path, scope in candidate_files():
        with suppress(SettingError):
            file = read_settings_file(path, scope)
            names.update(file.profiles if file is not None else ())
    return sorted(names)


def client_secret_of(client_id: str) -> Secret | None:
    """Returns the secret of an app client, for a sign-in that is restored without its settings; None: it has none.

    Only the environment and the user's and the system's files are looked at, in any of their profiles.

    Args:
        client_id: The app client.
    """
    try:
        read = (read_settings_file(path, scope) for path, scope in candidate_files() if scope is not Scope.PROJECT)
        files = [file for file in read if file is not None]
        for profile in (None, *sorted({name for file in files for name in file.profiles})):
            own = _layer({"client_id": client_id, "profile": profile}, "the stored sign-in")
            layered = LayeredSettings.with_files([own, _environment_layer(None)], files)
            if "client_secret" in layered.found:
                return layered.get_parsed("client_secret", parsers.client_secret, None)
    except SettingError:
        pass  # a malformed file does not end a sign-in that may not need it
    return None


def require_not_forbidden(name: str, what: str, remedy: str) -> None:
    """Checks that no file of the system locks a setting to false, for what uses no settings otherwise.

    Args:
        name: The setting.
        what: What it would allow, for the error.
        remedy: What to do instead.

    Raises:
        SettingError: One does, or is malformed.
    """
    read = (read_settings_file(path, Scope.SYSTEM) for path in system_paths())
    file = _locks(None, [each for each in read if each is not None]).get(name)
    if file is not None and _value_in(file, name, None) is not True:
        raise SettingError(f"The administrator of this computer does not allow to {what}: see {file.path}.", remedy)


def _locks(profile: str | None, files: Sequence[SettingsFile]) -> dict[str, SettingsFile]:
    """Returns which file of the system decides each locked setting.

    The weakest one: a user's environment (XDG_CONFIG_DIRS, COGNITO_JUPYTER_FOLDER) can put other files before an
    administrator's, and none behind it.

    Args:
        profile: The selected profile.
        files: All files, from strongest to weakest.
    """
    locks: dict[str, SettingsFile] = {}
    for file in files:
        if file.scope is Scope.SYSTEM:
            forbidden = [name for name in _LOCKED_BY_FALSE if _value_in(file, name, profile) is False]
            locks.update(dict.fromkeys((*file.locked, *forbidden), file))
    return locks


def _value_in(file: SettingsFile, name: str, profile: str | None) -> object:
    """Returns a setting's raw value in one file; None: it has none.

    Args:
        file: The file.
        name: The setting.
        profile: The selected profile, which comes before the file's top level.
    """
    return file.profiles.get(profile or "", {}).get(name, file.settings.get(name))


def _layer(values: Mapping[str, object], source: str) -> _Layer:
    return {name: (value, source) for name, value in values.items() if value not in _EMPTY}


def _without_other_secret(layer: _Layer, client_id: object, default: object = None) -> _Layer:
    """Returns a layer without its client secret if that belongs to another app client, which must not receive it.

    Args:
        layer: The layer.
        client_id: The app client of the login.
        default: The app client of the layer, where the layer names none; None: any.
    """
    owner = layer["client_id"][0] if "client_id" in layer else default
    if owner in (None, client_id):
        return layer
    return {name: value for name, value in layer.items() if name != "client_secret"}


def _environment_layer(environment: Mapping[str, str] | None) -> _Layer:
    """Returns the environment's layer. Its caller never holds the environment, whose repr shows the client secret."""
    values = os.environ if environment is None else environment
    return {
        name: (hide_secret(name, values[variable]), f"the environment variable {variable}")
        for name, variable in ENVIRONMENT_NAMES.items()
        if values.get(variable)
    }


def candidate_files() -> Iterator[tuple[Path, Scope]]:
    """Yields where a file may be, from strongest to weakest: the project's, if there is one, is the first."""
    project_file = find_project_file()
    # A notebook that lies in the user's config folder itself finds the user's own file.
    if project_file is not None and project_file not in {user_path(), *system_paths()}:
        yield project_file, Scope.PROJECT
    yield user_path(), Scope.USER
    for path in system_paths():
        yield path, Scope.SYSTEM


def _selected_profile(stronger: Sequence[_Layer], files: Sequence[SettingsFile]) -> str | None:
    """Returns the profile that the strongest layer selects; some file must have it, and no file can select one."""
    found = ChainMap(*stronger).get("profile")
    if found is None:
        return None
    value, source = found
    name = parse_as("profile", source, parsers.profile_name, value)
    known = sorted({each for file in files for each in file.profiles})
    if name not in known:
        remedy = f"There are: {', '.join(known)}." if known else f"No {FILE_NAME} has any profile."
        raise SettingError(f"There is no profile {parsers.quote_for_message(name)}, selected by {source}.", remedy)
    return name
