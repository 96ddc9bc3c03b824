"""What pools of organisations need: an identity provider, a login hint, an app client's secret."""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import parse_qs, urlsplit

from cognito_jupyter.local import LocalCognito
from tests.support.notebook import Notebook, started_notebook
from tests.support.printed_login import AUTHORIZE_URL


def requested(notebook: Notebook, code: str) -> dict[str, list[str]]:
    """Returns the query of the link that a cell shows."""
    links: list[str] = []

    def on_output(text: str) -> None:
        links.extend(AUTHORIZE_URL.findall(text.replace("&amp;", "&")))
        notebook.user.on_output(text)

    assert notebook.kernel.run_cell(code, on_output=on_output, timeout=60).error is None
    return parse_qs(urlsplit(links[0]).query)


def test_the_identity_provider_and_the_login_hint_reach_the_sign_in_page(notebook: Notebook) -> None:
    query = requested(notebook, "%cognito_login --identity-provider COGNITO --login-hint 'ada@example.org'")
    assert (query["identity_provider"], query["login_hint"]) == (["COGNITO"], ["ada@example.org"])
    notebook.text("%cognito_logout")
    query = requested(
        notebook, "import cognito_jupyter; await cognito_jupyter.login(identity_provider='COGNITO', login_hint='ada')"
    )
    assert (query["identity_provider"], query["login_hint"]) == (["COGNITO"], ["ada"])


def test_the_configuration_of_ipython_can_set_them(notebook: Notebook) -> None:
    notebook.text("%config CognitoMagics.idp_identifier = 'example.org'")
    assert requested(notebook, "%cognito_login")["idp_identifier"] == ["example.org"]


def test_a_secret_in_the_configuration_of_ipython_is_refused_and_not_shown(notebook: Notebook) -> None:
    notebook.text("get_ipython().config.CognitoMagics.client_secret = 'hush' + 'hush'")
    shown = notebook.error("%cognito_login")
    assert "client_secret, from c.CognitoMagics.client_secret: an app client's secret is not used from a place" in shown
    assert "COGNITO_CLIENT_SECRET" in shown
    assert "hushhush" not in shown
    assert "hushhush" not in notebook.text("%config CognitoMagics")


def test_a_notebook_signs_in_with_a_client_secret_and_shows_it_nowhere(environment: dict[str, str]) -> None:
    with LocalCognito(aws=False, client_secret=True) as cognito:
        secret = str(cognito.client_secret)
        with started_notebook(cognito, environment | cognito.environment) as notebook:
            shown = notebook.text("%cognito_login")
            shown += notebook.text("cognito.refresh_user_pool_tokens()\n%cognito_status")
            shown += notebook.text("display(cognito.authenticator, vars(cognito.authenticator), vars(cognito))")
            cognito.knobs.fail(cognito.REFRESH, status=403, body="{}", times=None)
            shown += str(notebook.run("%xmode Verbose\ncognito.refresh_user_pool_tokens()"))
            shown += notebook.text("%cognito_logout")
    assert "demo (" in shown
    assert "A firewall refused the request" in shown
    assert secret not in shown
    assert b64encode(f"{cognito.client_id}:{secret}".encode()).decode() not in shown
