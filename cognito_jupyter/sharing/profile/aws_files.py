"""The two files of every AWS SDK: where they are, and whether what they say stands before a share."""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from pathlib import Path

from ..endpoint.environment import CREDENTIALS_FILE

CONFIG_FILE = "AWS_CONFIG_FILE"

_CREDENTIAL_SETTINGS = frozenset(
    {
        "aws_access_key_id",
        "credential_process",
        "role_arn",
        "sso_account_id",
        "web_identity_token_file",
    }
)
"""Settings of a profile that give credentials."""


def credentials_file(environ: Mapping[str, str]) -> Path:
    """The shared credentials file, whether it exists or not."""
    return Path(environ.get(CREDENTIALS_FILE) or "~/.aws/credentials").expanduser()


def config_file(environ: Mapping[str, str]) -> Path:
    """The config file, whether it exists or not."""
    return Path(environ.get(CONFIG_FILE) or "~/.aws/config").expanduser()


def default_profile_warning(environ: Mapping[str, str]) -> str | None:
    """A sentence about a default profile that AWS SDKs would take before a share, and the remedy; None: there is none.

    Args:
        environ: The environment of whoever will look.
    """
    for path, remedy in (
        (credentials_file(environ), "hide that file with %cognito_share --hide-credentials-file"),
        (config_file(environ), "take them out of that profile, or give it another name"),
    ):
        if _default_profile_has_credentials(path):
            return f"{path} has a default profile with credentials, which most programs take before these: {remedy}."
    return None


def _default_profile_has_credentials(path: Path) -> bool:
    parser = configparser.RawConfigParser(default_section="", strict=False)
    try:
        parser.read_string(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, configparser.Error):
        # Not there, or not to be read by AWS's programs either.
        return False
    return parser.has_section("default") and bool(_CREDENTIAL_SETTINGS & set(parser.options("default")))
