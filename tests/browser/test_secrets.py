"""What stays of a sign-in: nothing secret, in no file of the notebook, of JupyterLab or of IPython."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from cognito_jupyter.local import LocalCognito

from .book import LOAD, LOGIN, PANEL
from .conftest import WIDGETS, Open, Settings

WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
# Parts of an authorization URL and of an answer; the panel's picture shows the last two with dots for their values.
PARTS = ("/oauth2/authorize", "code_challenge", "nonce=", "state=", "code=")
PICTURE = ("code=…&amp;state=…", "code=\\u2026&amp;state=\\u2026")


def parts_in(text: str) -> list[str]:
    """What of an authorization URL or of an answer is in a text."""
    for drawn in PICTURE:
        text = text.replace(drawn, "")
    return [part for part in PARTS if part in text]


def secrets_of(cognito: LocalCognito, *addresses: str) -> set[str]:
    """All that passed at Cognito, and what the browser's addresses held."""
    held = {values[0] for address in addresses for values in parse_qs(urlsplit(address).query).values()}
    return {secret for secret in cognito.secrets | held if len(secret) > 7}


def files_with(secrets: set[str], *folders: Path) -> list[str]:
    """The files that hold any of them."""
    paths = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in paths if any(secret.encode() in path.read_bytes() for secret in secrets)]


def test_nothing_secret_is_saved_with_the_widgets(  # noqa: PLR0913, PLR0917 - each is a place to search or to act
    open_book: Open, cognito: LocalCognito, far: str, lab_settings: Settings, lab_files: Path, notebooks: Path
) -> None:
    """With the widget state in the file, and a wrong paste before the right one; the search finds what is there."""
    lab_settings(WIDGETS, {"saveState": True})
    book = open_book(f"{LOAD}\n{far}", LOGIN, PANEL)
    book.run(0)
    book.start(1)
    address = book.sign_in()
    book.address.fill("https://hub.example.org/?code=pastedbymistake&state=def")
    book.says("belongs to another sign-in")
    book.address.fill(address)
    book.run(2)
    saved = book.save()
    assert WIDGET_STATE in saved
    assert "Sign out" in saved
    assert parts_in(saved) == []
    secrets = secrets_of(cognito, address) | {"pastedbymistake"}
    assert files_with(secrets, notebooks, lab_files) == []
    found = files_with({LOGIN}, notebooks, lab_files)
    assert "history.sqlite" in found
    assert f"{book.path.stem}-checkpoint.ipynb" in found
