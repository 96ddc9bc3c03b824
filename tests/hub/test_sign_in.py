"""A sign-in on a hub takes one link and one form, and reaches the kernel that waits for it."""

from __future__ import annotations

from playwright.sync_api import expect

from .conftest import NAMED_SERVER, Figures, NewBrowser, NewKernel
from .running_hub import RunningHub, fill_login_form
from .sign_in import SIGN_IN, WHO, submit_form


def test_a_user_signs_in_by_link_and_form_within_a_second(
    hub: RunningHub, new_kernel: NewKernel, new_browser: NewBrowser, figures: Figures
) -> None:
    """The hub has a base URL, and the kernel is in another environment than the server."""
    user = hub.users.ada
    kernel = new_kernel(hub, user)
    cell = kernel.start_cell(SIGN_IN)
    sign_in = submit_form(new_browser(hub, user), cell.link(), user)
    sign_in.expect_received()
    figures.add("default server, kernel in another environment", sign_in.seconds_to(cell))
    assert kernel.run(WHO).strip() == user


def test_two_kernels_and_two_users_wait_and_each_gets_its_own_sign_in(
    hub: RunningHub, new_kernel: NewKernel, new_browser: NewBrowser, figures: Figures
) -> None:
    ada, grace = hub.users.ada, hub.users.grace
    waiting = [(user, new_kernel(hub, user)) for user in (ada, grace, ada)]
    cells = [kernel.start_cell(SIGN_IN) for _, kernel in waiting]
    links = [cell.link() for cell in cells]
    for index in (2, 1, 0):
        user, kernel = waiting[index]
        sign_in = submit_form(new_browser(hub, user), links[index], user)
        sign_in.expect_received()
        figures.add("three kernels of two users wait", sign_in.seconds_to(cells[index]))
        assert kernel.run(WHO).strip() == user
        assert [cell.is_waiting for cell in cells] == [each < index for each in range(3)]


def test_the_sign_in_reaches_a_named_server_while_the_default_one_is_stopped(
    hub: RunningHub, new_kernel: NewKernel, new_browser: NewBrowser, figures: Figures
) -> None:
    user = hub.users.grace
    kernel = new_kernel(hub, user, NAMED_SERVER)
    hub.stop_server(user)
    cell = kernel.start_cell(SIGN_IN)
    sign_in = submit_form(new_browser(hub, user), cell.link(), user)
    sign_in.expect_received()
    figures.add("named server, the default one stopped", sign_in.seconds_to(cell))
    assert kernel.run(WHO).strip() == user
    assert not hub.runs(user)


def test_a_browser_that_is_not_signed_in_to_the_hub_signs_in_there_and_the_sign_in_arrives(
    hub: RunningHub, new_kernel: NewKernel, new_browser: NewBrowser
) -> None:
    user = hub.users.ada
    kernel = new_kernel(hub, user)
    cell = kernel.start_cell(SIGN_IN)
    sign_in = submit_form(new_browser(), cell.link(), user)
    expect(sign_in.page.locator("#username_input")).to_be_visible()
    assert cell.is_waiting
    fill_login_form(sign_in.page, user)
    sign_in.expect_received()
    cell.wait()
    assert kernel.run(WHO).strip() == user


def test_a_user_signs_in_on_the_old_hub_without_its_hook(
    old_hub: RunningHub, new_kernel: NewKernel, new_browser: NewBrowser, figures: Figures
) -> None:
    """Server and kernel share an environment there."""
    user = old_hub.users.ada
    kernel = new_kernel(old_hub, user)
    cell = kernel.start_cell(SIGN_IN)
    sign_in = submit_form(new_browser(old_hub, user), cell.link(), user)
    sign_in.expect_received()
    figures.add("JupyterHub 4.1 without the hook", sign_in.seconds_to(cell))
    assert kernel.run(WHO).strip() == user


def test_without_the_hook_a_named_server_is_not_reached_and_the_page_asks_for_the_paste(
    old_hub: RunningHub, new_kernel: NewKernel, new_browser: NewBrowser
) -> None:
    user = old_hub.users.ada
    old_hub.start_server(user)
    kernel = new_kernel(old_hub, user, NAMED_SERVER)
    cell = kernel.start_cell(f"{SIGN_IN} --paste")
    page = submit_form(new_browser(old_hub, user), cell.link(), user).page
    expect(page.get_by_role("heading", name="Copy the address of this page")).to_be_visible()
    assert cell.is_waiting
    cell.paste(page.url)
    cell.wait()
    assert kernel.run(WHO).strip() == user
