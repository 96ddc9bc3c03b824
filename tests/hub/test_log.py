"""What the hub's own log says of a sign-in: no code and no state, even where the hub first asks who it is."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.login_page_client import submit_login
from tests.support.polling import wait_until

from .conftest import NAMED_SERVER, NewBrowser, NewKernel
from .running_hub import RunningHub, fill_login_form
from .sign_in import PASSWORD, SIGN_IN


def test_no_code_and_no_state_is_in_the_log_of_hub_proxy_and_servers(
    hub: RunningHub, new_kernel: NewKernel, new_browser: NewBrowser, pool: LocalCognito
) -> None:
    """Not even of a browser that has to sign in to the hub first; and none of the tests before this one."""
    user = hub.users.ada
    for server, signed_in in (("", False), (NAMED_SERVER, True)):
        cell = new_kernel(hub, user, server).start_cell(SIGN_IN)
        address = submit_login(cell.link(), user, PASSWORD, follow_callback=False)
        page = new_browser(hub, user if signed_in else None).new_page()
        page.goto(address)
        if not signed_in:
            fill_login_form(page, user)
        cell.wait()
        log = hub.log()
        fields = dict(field.split("=", 1) for field in urlsplit(address).query.split("&"))
        for value in (*fields.values(), *pool.secrets):
            assert not [line for line in log.splitlines() if value in line or quote(quote(value)) in line]
    assert re.search(r"cognito-jupyter(/|%2F)callback\?\[secret\]", log)
    assert not re.search(r"callback(\?|%3F)code(=|%3D)(?!\[secret\])", log)


def test_what_the_search_of_the_log_would_find(hub: RunningHub, new_browser: NewBrowser) -> None:
    page = new_browser().new_page()
    page.goto(f"{hub.url}hub/user-redirect/lab?code=planted-in-the-log")
    # It logs a request after its response.
    wait_until(lambda: "code%3Dplanted-in-the-log" in hub.log())
