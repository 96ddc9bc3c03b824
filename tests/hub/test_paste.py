"""On a hub without the relay a sign-in takes one paste."""

from __future__ import annotations

from urllib.parse import urlsplit

from cognito_jupyter.local import LocalCognito

from .conftest import NewBrowser, NewKernel
from .running_hub import RunningHub
from .sign_in import SIGN_IN, WHO, submit_form


def test_the_address_of_the_page_that_does_not_load_signs_in(
    hub: RunningHub, pool: LocalCognito, new_kernel: NewKernel, new_browser: NewBrowser
) -> None:
    """The redirect URI is the kernel's own machine, which the browser cannot reach."""
    user = hub.users.ada
    kernel = new_kernel(hub, user)
    loopback = pool.redirect_uri.split()[-1]
    kernel.run(f"import os; os.environ['COGNITO_REDIRECT_URI'] = '{loopback}'")
    cell = kernel.start_cell(f"{SIGN_IN} --paste")
    browser = new_browser(hub, user)
    with browser.expect_event("request", lambda request: "code=" in urlsplit(request.url).query) as sent:
        submit_form(browser, cell.link(), user)
    cell.paste(sent.value.url)
    cell.wait()
    assert kernel.run(WHO).strip() == user
