"""The profile magic in a real kernel."""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.notebook import Notebook

STORE_SIGN_IN = """
from cognito_jupyter.credentials.store.store import Store
from cognito_jupyter.credentials.store.sign_in import StoreKey
cognito.adopt_tokens(cognito.auth_tokens, Store(StoreKey("domain", "client", "user pool", "identity pool")))
"""


def test_a_profile_is_written_for_a_remembered_sign_in_and_removed_again(
    notebook: Notebook, own_environment: Path
) -> None:
    config = Path(os.environ["AWS_CONFIG_FILE"])
    config.write_text("[default]\nregion = eu-north-1\n")
    assert "You are not signed in" in notebook.text("%cognito_profile science")
    notebook.text("%cognito_login -r Analyst")
    assert "%cognito_login --remember" in notebook.error("%cognito_profile science")
    notebook.text(STORE_SIGN_IN)
    shown = notebook.text("%cognito_profile science")
    assert "aws --profile science" in shown
    assert "role cognito-jupyter-Analyst" in shown
    assert "role/cognito-jupyter-Analyst" in config.read_text()
    for line in ("-r Uploader", "-r Analyst", "Uploader"):
        notebook.text(f"%cognito_profile science {line}")
        assert f"role/cognito-jupyter-{line.split()[-1]}" in config.read_text()
    assert "did not write" in notebook.error("%cognito_profile default")
    assert "was removed" in notebook.text("%cognito_profile science --remove")
    assert "does not exist" in notebook.text("%cognito_profile science --remove")
    assert config.read_text() == "[default]\nregion = eu-north-1\n"
    assert "%cognito_profile? shows its arguments" in notebook.error("%cognito_profile")
