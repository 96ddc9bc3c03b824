"""Whatever else opens the callback leaves the login waiting and learns nothing; then the user's own sign-in arrives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urlencode, urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.login_page_client import submit_login

from .conftest import NewBrowser
from .hub_kernel import HubCell, HubKernel
from .running_hub import RunningHub
from .sign_in import PASSWORD, SIGN_IN, WHO, submit_form

_GUESS = "A" * 43


class WaitingLogin:
    """A login that waits, with the address that only its user's browser ought to have.

    Args:
        kernel: The kernel.
        user: Its user.

    Attributes:
        cell: The cell that waits.
        address: The redirect URI with a genuine code and state, which was not opened yet.
        code: The code.
        state: The state.
    """

    def __init__(self, kernel: HubKernel, user: str) -> None:
        # All attacks together may take longer than the five minutes that a user has otherwise.
        self.cell: HubCell = kernel.start_cell(f"{SIGN_IN} --fresh --timeout 3000")
        self.address = submit_login(self.cell.link(), user, PASSWORD, follow_callback=False)
        fields = dict(field.split("=", 1) for field in urlsplit(self.address).query.split("&"))
        self.code, self.state = fields["code"], fields["state"]

    def address_with(self, *fields: tuple[str, str]) -> str:
        """Returns the redirect URI with other fields."""
        return f"{self.address.partition('?')[0]}?{urlencode(fields)}"


@pytest.fixture(scope="module")
def kernel(hub: RunningHub) -> Iterator[HubKernel]:
    kernel = HubKernel.start(hub, hub.users.ada)
    yield kernel
    kernel.shut_down()


@pytest.fixture(scope="module")
def browser(hub: RunningHub, open_browser: NewBrowser) -> Iterator[BrowserContext]:
    """The user's own browser, signed in to hub and server, in which the attacks happen."""
    context = open_browser(hub, hub.users.ada)
    page = context.new_page()
    page.goto(f"{hub.server_url(hub.users.ada)}api/me")
    page.close()
    yield context
    context.close()


@pytest.fixture(scope="module")
def login_of_all_attacks(hub: RunningHub, kernel: HubKernel) -> WaitingLogin:
    """Starts one login that waits through all attacks."""
    return WaitingLogin(kernel, hub.users.ada)


@pytest.fixture
def login(login_of_all_attacks: WaitingLogin) -> Iterator[WaitingLogin]:
    """Returns the login, which waits after an attack as before."""
    assert login_of_all_attacks.cell.is_waiting
    yield login_of_all_attacks
    assert login_of_all_attacks.cell.is_waiting


Fields = Callable[[WaitingLogin], tuple[tuple[str, str], ...]]
_FIELDS: dict[str, Fields] = {
    "a forged state": lambda login: (("code", login.code), ("state", _GUESS)),
    "a forged state with a server's name": lambda login: (("code", login.code), ("state", f"{_GUESS}.bGFi")),
    "no state": lambda login: (("code", login.code),),
    "an empty state": lambda login: (("code", login.code), ("state", "")),
    "two states": lambda login: (("code", login.code), ("state", login.state), ("state", _GUESS)),
    "the state twice": lambda login: (("code", login.code), ("state", login.state), ("state", login.state)),
    "a path as the state": lambda login: (("code", login.code), ("state", f"../{login.state}")),
    "a file's path as the state": lambda login: (("code", login.code), ("state", "/etc/passwd")),
    "another server's name at the state": lambda login: (("code", login.code), ("state", f"{login.state}.bGFi")),
    "an error without a state": lambda _: (("error", "access_denied"),),
    "a NUL in the state": lambda login: (("code", login.code), ("state", f"{login.state}\0")),
}


@pytest.mark.parametrize("fields", _FIELDS.values(), ids=_FIELDS)
def test_another_response_ends_nothing(login: WaitingLogin, browser: BrowserContext, fields: Fields) -> None:
    response = browser.new_page().goto(login.address_with(*fields(login)))
    assert response is not None
    assert response.status in {400, 404}
    assert login.code not in response.text()


_SCRIPTS = {
    "image": "url => new Promise(end => { const it = new Image(); it.onload = it.onerror = end; it.src = url })",
    "frame": """url => new Promise(end => { const it = document.createElement("iframe"); it.onload = end;
                it.src = url; document.body.append(it) })""",
    "fetch": "url => fetch(url, {mode: 'no-cors', credentials: 'include'}).then(() => 0, () => 0)",
    "stylesheet": """url => new Promise(end => { const it = document.createElement("link"); it.rel = "stylesheet";
                     it.onload = it.onerror = end; it.href = url; document.head.append(it) })""",
}


@pytest.mark.parametrize("script", _SCRIPTS.values(), ids=_SCRIPTS)
def test_a_page_of_the_hub_that_knows_the_address_cannot_use_it_behind_the_user(
    hub: RunningHub, login: WaitingLogin, browser: BrowserContext, script: str
) -> None:
    """Only a page that the user sees open reaches the login."""
    _run_script(browser, f"{hub.server_url(hub.users.ada)}nothing-here", script, login.address, _at_server(hub, login))


@pytest.mark.parametrize("script", _SCRIPTS.values(), ids=_SCRIPTS)
def test_a_page_of_another_site_that_knows_the_address_cannot_use_it_behind_the_user(
    hub: RunningHub, pool: LocalCognito, login: WaitingLogin, browser: BrowserContext, script: str
) -> None:
    _run_script(browser, f"{pool.domain}/.well-known/", script, login.address, _at_server(hub, login))


def _run_script(browser: BrowserContext, where: str, script: str, *addresses: str) -> None:
    """Runs a script in a page of a site, once for each address; the browser really sends a request for each."""
    page = browser.new_page()
    page.goto(where)
    for address in addresses:
        with page.expect_request(lambda request: "cognito-jupyter/callback" in request.url):
            page.evaluate(script, address)
    page.close()


def _at_server(hub: RunningHub, login: WaitingLogin) -> str:
    """Returns the response's address at the server itself, to which the hub would lead."""
    return f"{hub.server_url(hub.users.ada)}cognito-jupyter/callback?{urlsplit(login.address).query}"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD", "OPTIONS"])
def test_other_methods_are_refused(hub: RunningHub, login: WaitingLogin, browser: BrowserContext, method: str) -> None:
    response = browser.request.fetch(_at_server(hub, login), method=method, max_redirects=0)
    assert response.status in {204, 403, 405}


def test_a_browser_that_is_not_signed_in_to_the_hub_gets_its_login_page(
    hub: RunningHub, login: WaitingLogin, new_browser: NewBrowser
) -> None:
    for address in (login.address, _at_server(hub, login)):
        page = new_browser().new_page()
        page.goto(address)
        assert page.locator("#username_input").is_visible()


def test_another_user_of_the_hub_reaches_only_servers_of_their_own(
    hub: RunningHub, login: WaitingLogin, new_browser: NewBrowser
) -> None:
    """The address leads grace to her own server, where nobody waits; ada's server refuses her."""
    hub.start_server(hub.users.grace)
    browser = new_browser(hub, hub.users.grace)
    response = browser.new_page().goto(login.address)
    assert response is not None
    assert (response.status, hub.users.grace in response.url) == (404, True)
    response = browser.new_page().goto(_at_server(hub, login))
    assert response is not None
    assert response.status == 403


def test_after_all_attacks_the_genuine_response_is_used_once_and_never_by_the_next_login(
    hub: RunningHub, kernel: HubKernel, browser: BrowserContext, login_of_all_attacks: WaitingLogin
) -> None:
    login = login_of_all_attacks
    assert login.cell.is_waiting
    browser.new_page().goto(login.address)
    login.cell.wait()
    assert kernel.run(WHO).strip() == hub.users.ada
    assert _status(browser.new_page(), login.address) in {404, 410}
    kernel.run("%cognito_logout")
    following = kernel.start_cell(SIGN_IN)
    following.link()
    assert _status(browser.new_page(), login.address) in {404, 410}
    assert following.is_waiting
    submit_form(browser, following.link(), hub.users.ada).expect_received()
    following.wait()


def test_a_response_to_a_kernel_that_was_restarted_or_killed_reaches_no_login(
    hub: RunningHub, kernel: HubKernel, browser: BrowserContext
) -> None:
    login = WaitingLogin(kernel, hub.users.ada)
    kernel.restart()
    assert _status(browser.new_page(), login.address) == 404


def _status(page: Page, address: str) -> int:
    response = page.goto(address)
    assert response is not None
    return response.status
