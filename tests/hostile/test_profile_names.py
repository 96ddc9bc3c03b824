"""Names and regions of a profile that would write lines of their own into the AWS config file."""

from __future__ import annotations

from pathlib import Path

import botocore.session
import pytest

from cognito_jupyter import sharing
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.errors import SettingError
from tests.sharing.profile.test_profile import THEIRS, config, remembered

from .attempts import Attempts
from .test_words import hidden_characters

__all__ = ["config", "remembered"]  # fixtures
OWN_SETTINGS = {"credential_process", "region"}
PUNCTUATION = " !\"#$%&'()*;<=>?[\\]^`{|}~"


@pytest.mark.parametrize("where", ["name", "region"])
def test_no_odd_name_or_region_writes_more_than_its_own_profile(
    attempts: Attempts, remembered: CognitoCredentialsManager, config: Path, where: str
) -> None:
    config.write_text(THEIRS)
    before = profiles(config)
    for character in [*hidden_characters(), *PUNCTUATION]:
        for text in (f"us-east-1{character}[profile evil]", f"{character}us-east-1", f"us-east-1{character}"):
            name, region = (text, "us-east-1") if where == "name" else ("cognito", text)
            try:
                sharing.write_profile(remembered, name, "Analyst", region_name=region)
            except SettingError:
                attempts.check(repr(text), config.read_text() == THEIRS)
            else:
                after = profiles(config)
                own = after.pop(name, {})
                holds = after == before and own.get("region") == "us-east-1" and set(own) == OWN_SETTINGS
                attempts.check(repr(text), holds)
                config.write_text(THEIRS)


def profiles(config: Path) -> dict[str, dict[str, object]]:
    """The profiles that botocore reads in a config file."""
    session = botocore.session.Session()
    session.set_config_variable("config_file", str(config))
    return dict(session.full_config["profiles"])
