"""The two files that every AWS SDK reads: where they are, and whether they override a share.

`write_profile` and the notebook's status call it. It never writes a file.
"""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from pathlib import Path

from ..endpoint.environment import CREDENTIALS_FILE

CONFIG_FILE = "AWS_CONFIG_FILE"

_CREDENTIAL_SETTINGS = {
    "aws_access_key_id",
    "credential_process",
    "role_arn",
    "sso_account_id",
    "web_identity_token_file",
}
"""The settings with which a profile supplies credentials."""


def config_file(environ: Mapping[str, str]) -> Path:
    """Returns the path of the config file, whether it exists or not."""
    return Path(environ.get(CONFIG_FILE) or "~/.aws/config").expanduser()


def default_profile_warning(environ: Mapping[str, str]) -> str | None:
    """Returns a sentence about a default profile that AWS SDKs prefer to a share, with the remedy; None: there is none.

    Args:
        environ: The environment of the programs that use the share.
    """
    credentials_file = Path(environ.get(CREDENTIALS_FILE) or "~/.aws/credentials").expanduser()
    for path, remedy in (
        (credentials_file, "hide that file with %cognito_share --hide-credentials-file"),
        (config_file(environ), "remove them from that profile, or rename it"),
    ):
        if _default_profile_has_credentials(path):
            return f"{path} has a default profile with credentials, which most programs prefer to these: {remedy}."
    return None


def _default_profile_has_credentials(path: Path) -> bool:
    parser = configparser.RawConfigParser(default_section="", strict=False)
    try:
        parser.read_string(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, configparser.Error):
        # The file does not exist, or AWS SDKs cannot read it either.
        return False
    return parser.has_section("default") and bool(_CREDENTIAL_SETTINGS & set(parser.options("default")))
