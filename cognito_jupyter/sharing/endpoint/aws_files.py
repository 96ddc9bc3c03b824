"""The files from which AWS SDKs read credentials: where they are, and whether they override a share or a profile.

`write_profile`, `Share` and the notebook's status call it. It never writes a file. Source of the order:
https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
"""

from __future__ import annotations

import configparser
import locale
import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from .environment import CREDENTIALS_FILE, REGIONS

CONFIG_FILE = "AWS_CONFIG_FILE"

BOTO_CONFIG = "BOTO_CONFIG"
_BOTO_CONFIG_FILES = ("/etc/boto.cfg", "~/.boto")
"""What botocore reads where BOTO_CONFIG names no other file."""

_CREDENTIAL_SETTINGS = {
    "aws_access_key_id",
    "credential_process",
    "login_session",
    "role_arn",
    "sso_account_id",
    "web_identity_token_file",
}
"""The settings with which a profile supplies credentials."""


def config_file(environ: Mapping[str, str]) -> Path:
    """Returns the path of the config file, whether it exists or not."""
    return Path(environ.get(CONFIG_FILE) or "~/.aws/config").expanduser()


def credentials_files(environ: Mapping[str, str]) -> list[Path]:
    """Returns the paths of the shared credentials files that programs use, whether they exist or not.

    Args:
        environ: The environment. Where it names an empty file, which is how a share hides the user's own one, other
            programs use that one.
    """
    paths = [Path("~/.aws/credentials").expanduser()]
    if named := environ.get(CREDENTIALS_FILE):
        path = Path(named).expanduser()
        try:
            is_empty = path.stat().st_size == 0
        except OSError:
            is_empty = False
        paths = [path, *paths] if is_empty else [path]
    return paths


def configured_region(environ: Mapping[str, str]) -> str | None:
    """Returns the region that the user has configured for AWS; None: there is none.

    Args:
        environ: The environment. Its variables come first, then the profile that it names, then the default profile.
    """
    if configured := next((environ[name] for name in REGIONS if environ.get(name)), None):
        return configured
    files = (config_file(environ), credentials_files(environ)[0])
    profiles = [each for path in files for each in _read_profiles(path)]
    for wanted in (environ.get("AWS_PROFILE") or environ.get("AWS_DEFAULT_PROFILE"), "default"):
        for name, settings in profiles:
            if name == wanted and settings.get("region"):
                return settings["region"]
    return None


def boto_config_file(environ: Mapping[str, str]) -> Path | None:
    """Returns the configuration file of boto 2 whose keys AWS SDKs prefer to a share; None: there is none.

    Only botocore still reads it.

    Args:
        environ: The environment of the programs that use the share.
    """
    names = (environ[BOTO_CONFIG],) if BOTO_CONFIG in environ else _BOTO_CONFIG_FILES
    for path in (Path(name).expanduser() for name in names):
        if "aws_access_key_id" in _read_sections(path).get("Credentials", ()):
            return path
    return None


def default_profile_warning(environ: Mapping[str, str]) -> str | None:
    """Returns a sentence about credentials in files that AWS SDKs prefer to a share, with the remedy; None: none.

    Args:
        environ: The environment of the programs that use the share.
    """
    hide = "hide that file with %cognito_share --hide-credentials-file"
    for path, remedy in (
        (credentials_files(environ)[0], hide),
        (config_file(environ), "remove them from that profile, or rename it"),
    ):
        for profile, settings in _read_profiles(path):
            if profile == "default" and _CREDENTIAL_SETTINGS & settings.keys():
                return f"{path} has a default profile with credentials, which most programs prefer to these: {remedy}."
    if (boto_file := boto_config_file(environ)) is not None:
        return f"{boto_file} has credentials of boto 2, which Python programs prefer to these: {hide}."
    return None


def credentials_file_with_profile(name: str, environ: Mapping[str, str]) -> Path | None:
    """Returns the shared credentials file that has a profile of a name; None: there is none.

    AWS SDKs would use that profile in place of one of the same name in the config file.

    Args:
        name: The profile's name.
        environ: The environment of the programs that use the profile.
    """
    for path in credentials_files(environ):
        if name in (profile for profile, _ in _read_profiles(path)):
            return path
    return None


def decode_aws_file(content: bytes) -> str:
    """Returns the text of an AWS file, with a newline for each end of a line.

    It is UTF-8, or in the system's encoding, in which botocore reads it.

    Raises:
        ValueError: It is neither.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode(locale.getpreferredencoding(False))
    return re.sub("\r\n?", "\n", text)


def _read_profiles(path: Path) -> list[tuple[str, dict[str, str]]]:
    """Reads the name of each profile in a file, and its settings.

    "[profile NAME]" is NAME in the config file; Java's SDK reads it so in the credentials file too. Also the default
    profile may be written so.
    """
    profiles = []
    for section, settings in _read_sections(path).items():
        try:
            words = shlex.split(section)
        except ValueError:
            continue
        profiles.append((words[1] if len(words) == 2 and words[0] == "profile" else section, settings))
    return profiles


def _read_sections(path: Path) -> dict[str, dict[str, str]]:
    """Reads a file's settings by section; a file that AWS SDKs cannot read either has none."""
    parser = configparser.RawConfigParser(default_section="", strict=False)
    try:
        parser.read_string(decode_aws_file(path.read_bytes()))
    except (OSError, ValueError, configparser.Error):
        return {}
    return {section: dict(parser.items(section)) for section in parser.sections()}
