"""Every state of the panel, one after the other in one notebook."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import expect

from cognito_jupyter.local import LocalCognito

from .notebook_page import LOAD, LOGIN, NotebookPage

_REVOKE = """cognito.authenticator.revoke(cognito.auth_tokens["refresh_token"])
try:
    cognito.refresh_user_pool_tokens()
except PermissionError:
    pass"""
_REMOTE_LOGIN = """import os
os.environ["JUPYTERHUB_USER"] = "demo"
%cognito_login --panel --role-suffix Analyst
del os.environ["JUPYTERHUB_USER"]"""
_UNLOAD = "%unload_ext cognito_jupyter"
CELLS = (
    LOAD,
    "import cognito_jupyter\ncognito_jupyter.LoginPanel()",
    f"{LOGIN} --timeout 2",
    _REMOTE_LOGIN,
    _REVOKE,
    _UNLOAD,
)
WRONG_ADDRESS = "https://hub.example.org/?code=abc&state=def"


def panel_states(notebook: NotebookPage, cognito: LocalCognito) -> Iterator[str]:
    """Brings the panel into each of its states.

    Args:
        notebook: A notebook of `CELLS`.
        cognito: Where the user signs in.

    Yields:
        The state's name; the panel stays in that state until the next one is requested.
    """
    notebook.run_cells(0, 1)
    notebook.expect_panel_text("You are not signed in")
    yield "signed-out"
    yield from _unfinished_states(notebook)
    # In the first panel: signing in scrolls back to it.
    with cognito.aws._lock:
        notebook.sign_in_by_link()
        notebook.expect_panel_text("Signing you in")
        yield "finishing"
    notebook.expect_signed_in()
    yield "signed-in"
    notebook.panel.get_by_label("Share with everything else").check()
    expect(notebook.button("Sign out")).to_be_enabled()
    notebook.panel.get_by_label("Role").select_option("Uploader")
    expect(notebook.button("Sign out")).to_be_enabled()
    notebook.expect_panel_text("What exists already keeps")
    yield "role-changed"
    notebook.run_cells(4)
    notebook.expect_panel_text("Your sign-in has ended")
    yield "ended-by-server"
    notebook.run_cells(5)
    notebook.expect_panel_text("The extension was unloaded")
    yield "unloaded"


def _unfinished_states(notebook: NotebookPage) -> Iterator[str]:
    notebook.button("Sign in").click()
    expect(notebook.sign_in_link).to_be_visible()
    yield "waiting"
    notebook.open_paste_box()
    yield "paste-box"
    notebook.paste(WRONG_ADDRESS)
    notebook.expect_panel_text("belongs to another sign-in")
    yield "wrong-address"
    notebook.button("Cancel").click()
    expect(notebook.button("Try again")).to_be_visible()
    yield "cancelled"
    notebook.button("Try again").click()
    notebook.paste(_denial_url(str(notebook.sign_in_link.get_attribute("href"))))
    expect(notebook.button("Try again")).to_be_visible()
    yield "denied"
    notebook.run_cells(2)
    notebook.expect_panel_text("The sign-in timed out")
    yield "timed-out"
    notebook.run_cells(3)
    notebook.expect_panel_text("it was started by JupyterHub")
    yield "waiting-remote"


def _denial_url(authorization_url: str) -> str:
    """Returns the URL to which Cognito sends the browser of a user who denied the sign-in."""
    parameters = parse_qs(urlsplit(authorization_url).query)
    return f"{parameters['redirect_uri'][0]}?error=access_denied&state={parameters['state'][0]}"
