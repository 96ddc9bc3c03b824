"""The link comes first: what a cell shows before, and without, a front end that draws widgets.

A real kernel, and a client that sends what a front end would send.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from cognito_jupyter.demo.kernel import Kernel
from cognito_jupyter.local import LocalCognito
from tests.support.front_end import WIDGET, FrontEnd
from tests.support.notebook import Notebook, NotebookUser, started_notebook
from tests.support.polling import wait_until
from tests.support.printed_login import AUTHORIZE_URL

pytestmark = pytest.mark.first_login

WITHOUT_ANYWIDGET = "import sys; sys.modules['anywidget'] = None"
_MODELS_OF_THE_CHECK = 3
WITHOUT_IPYWIDGETS = "import sys; sys.modules['ipywidgets'] = None"
WAITS_FOR_THE_CHECK = "from cognito_jupyter.notebook import login; login._CHECK_TIMEOUT = 60.0"
"""For front ends that reply to the check, which they may not do in time on a busy machine."""


@pytest.fixture
def front_end(notebook: Notebook) -> FrontEnd:
    return FrontEnd(notebook)


@pytest.fixture
def sign_in(cognito: LocalCognito) -> Callable[[str], None]:
    """Signs in at a link that a cell shows."""
    return lambda url: NotebookUser(cognito).on_output(url)


@pytest.fixture
def voila(cognito: LocalCognito, environment: dict[str, str]) -> Iterator[Notebook]:
    """A kernel as Voila starts it, which names itself as CGI does, and takes no input."""
    with started_notebook(cognito, environment | {"SERVER_SOFTWARE": "voila/0.5.11"}, allow_stdin=False) as notebook:
        yield notebook


@pytest.mark.parametrize("before", ["", WITHOUT_ANYWIDGET, WITHOUT_IPYWIDGETS], ids=["", "no anywidget", "no widgets"])
def test_a_front_end_that_reports_nothing_shows_the_link_and_never_a_widget(
    front_end: FrontEnd, sign_in: Callable[[str], None], before: str
) -> None:
    """It would show an error in place of the widget, and nothing else."""
    front_end.start(before)
    front_end.wait_for_cell()
    front_end.on_link = sign_in
    front_end.start("%cognito_login")
    front_end.wait_until(lambda: front_end.shows_widget or front_end._idle)
    assert not front_end.shows_widget
    assert front_end.errors == []
    assert "Signed in" in front_end.text
    assert AUTHORIZE_URL.search(str(front_end.outputs)) is None


@pytest.mark.parametrize("cell", ["%cognito_login", "%cognito_panel"])
def test_a_front_end_without_widgets_that_says_so_shows_the_link_and_gets_no_panel(
    notebook: Notebook, sign_in: Callable[[str], None], cell: str
) -> None:
    """As JupyterLab does, which would handle the fifty models of a panel first, and show the link a second later."""
    notebook.text(WAITS_FOR_THE_CHECK)
    front_end = FrontEnd(notebook, has_widgets=False)
    front_end.start(cell, cell_id="1")
    front_end.wait_until(lambda: front_end.seconds_to_link)
    assert (len(front_end.models), front_end.views) == (_MODELS_OF_THE_CHECK, [])
    sign_in(front_end.text)
    front_end.wait_for_cell()
    front_end.wait_until(lambda: "Signed in" in front_end.text)
    assert (len(front_end.outputs), front_end.shows_widget, front_end.errors) == (1, False, [])
    assert AUTHORIZE_URL.search(str(front_end.outputs)) is None


@pytest.mark.parametrize("cell", ["%cognito_login", "%cognito_panel"])
def test_a_front_end_that_says_that_it_has_widgets_gets_the_panel_and_keeps_nothing_else(
    notebook: Notebook, cell: str
) -> None:
    notebook.text(WAITS_FOR_THE_CHECK)
    front_end = FrontEnd(notebook, has_widgets=True)
    front_end.start(cell, cell_id="1")
    front_end.wait_until(lambda: front_end.views)
    front_end.report(front_end.views[0])
    front_end.wait_until(lambda: front_end.shows_widget)
    front_end.wait_until(lambda: front_end.closed_models == {*front_end.models[:_MODELS_OF_THE_CHECK]})
    assert AUTHORIZE_URL.search(str(front_end.outputs)) is None
    front_end._kernel.manager.interrupt_kernel()
    front_end.wait_for_cell()


@pytest.mark.parametrize("has_widgets", [True, False])
def test_a_front_end_that_replies_late_to_the_check_puts_no_warning_into_the_cell(
    front_end: FrontEnd, sign_in: Callable[[str], None], has_widgets: bool
) -> None:
    """As JupyterLab does when it draws its first widgets, or on a busy machine."""
    front_end.start("%cognito_login", cell_id="1")
    front_end.wait_until(lambda: front_end.seconds_to_link)
    _, target, _ = models = front_end.models[:_MODELS_OF_THE_CHECK]
    if has_widgets:
        front_end._send(target, {"method": "update", "state": {"width": "1px"}, "buffer_paths": []})
    else:
        for model in models:
            front_end.close(model)
    sign_in(front_end.text)
    front_end.wait_for_cell()
    front_end.start("print(*__import__('comm').get_comm_manager().comms)")
    front_end.wait_for_cell()
    assert "No such comm" not in front_end.streams
    # Nothing is left of the check either.
    assert front_end.streams.strip()
    assert not [model for model in models if model in front_end.streams]


def test_the_panel_takes_the_links_place_once_the_front_end_reports(front_end: FrontEnd) -> None:
    """Also while the cell blocks; the link is then in no output any more."""
    front_end.start("%cognito_login")
    front_end.wait_until(lambda: front_end.seconds_to_link)
    assert not front_end.shows_widget
    front_end.report(front_end.views[0])
    front_end.wait_until(lambda: front_end.shows_widget)
    assert len(front_end.outputs) == 1
    assert AUTHORIZE_URL.search(str(front_end.outputs)) is None
    front_end.report_drawn(front_end.views[0])
    front_end._kernel.manager.interrupt_kernel()
    front_end.wait_for_cell()


def test_a_front_end_that_reports_early_shows_no_link_in_the_output(front_end: FrontEnd) -> None:
    """A notebook saved in that moment holds none."""
    front_end.start("import cognito_jupyter\npanel = cognito_jupyter.LoginPanel()")
    front_end.wait_for_cell()
    front_end.report(front_end.views[0])
    front_end.start("panel")
    front_end.wait_for_cell()
    assert front_end.shows_widget
    assert len(front_end.outputs) == 1


def test_a_panel_that_is_not_drawn_gives_way_to_the_link_again(front_end: FrontEnd) -> None:
    """It was another front end of this kernel that reported, or this one failed to draw it after all."""
    front_end.start("%cognito_login")
    front_end.wait_until(lambda: front_end.views)
    front_end.report(front_end.views[0])
    front_end.wait_until(lambda: front_end.shows_widget)
    front_end.wait_until(lambda: not front_end.shows_widget)
    assert AUTHORIZE_URL.search(front_end.text) is not None
    front_end._kernel.manager.interrupt_kernel()
    front_end.wait_for_cell()


def test_a_panel_that_a_busy_front_end_draws_late_takes_the_links_place_again(front_end: FrontEnd) -> None:
    front_end.start("%cognito_login")
    front_end.wait_until(lambda: front_end.views)
    front_end.report(front_end.views[0])
    front_end.wait_until(lambda: front_end.shows_widget)
    front_end.wait_until(lambda: not front_end.shows_widget)
    front_end.report_drawn(front_end.views[0])
    front_end.wait_until(lambda: front_end.shows_widget)
    assert AUTHORIZE_URL.search(str(front_end.outputs)) is None
    front_end._kernel.manager.interrupt_kernel()
    front_end.wait_for_cell()


def test_a_front_end_with_ipywidgets_alone_shows_the_panel_without_anywidget(
    front_end: FrontEnd, sign_in: Callable[[str], None]
) -> None:
    front_end.start("%cognito_login")
    front_end.wait_until(lambda: front_end.seconds_to_link)
    front_end.report_widgets(front_end.reports[0])
    front_end.wait_until(lambda: front_end.shows_widget)
    assert len(front_end.outputs) == 1
    front_end._kernel.manager.interrupt_kernel()
    front_end.wait_for_cell()


@pytest.mark.parametrize("cell", ["%cognito_panel", "%cognito_login --panel"])
def test_a_notebook_without_widgets_follows_the_login_as_text_and_its_cell_does_not_wait(
    front_end: FrontEnd, sign_in: Callable[[str], None], cell: str
) -> None:
    """As in nbclassic, which names no cell."""
    front_end.start(cell)
    front_end.wait_for_cell()
    front_end.wait_until(lambda: front_end.seconds_to_link)
    sign_in(front_end.text)
    front_end.wait_until(lambda: "Signed in" in front_end.text)
    assert (len(front_end.outputs), front_end.shows_widget) == (1, False)
    assert AUTHORIZE_URL.search(str(front_end.outputs)) is None


def test_where_widgets_are_created_only_when_they_are_drawn_the_link_stands_above_the_panel_until_then(
    front_end: FrontEnd,
) -> None:
    """As in VS Code, which would say nothing of a widget that is not displayed."""
    front_end.start("%cognito_login --no-browser", cell_id="vscode-notebook-cell:/a.ipynb#W0sZmlsZQ==")
    front_end.wait_until(lambda: len(front_end.outputs) == 2)
    link, panel = front_end.outputs
    assert AUTHORIZE_URL.search(str(front_end.outputs[link])) is not None
    assert (WIDGET in front_end.outputs[link], WIDGET in front_end.outputs[panel]) == (False, True)
    front_end.report_drawn(front_end.views[0])
    front_end.wait_until(lambda: AUTHORIZE_URL.search(str(front_end.outputs)) is None)
    front_end._kernel.manager.interrupt_kernel()
    front_end.wait_for_cell()
    assert front_end.outputs[link]["text/plain"] == ""


def test_an_idle_panel_without_widgets_says_how_to_sign_in(front_end: FrontEnd) -> None:
    front_end.start("import cognito_jupyter\ncognito_jupyter.LoginPanel()")
    front_end.wait_for_cell()
    assert "You are not signed in. Run %cognito_login." in front_end.text
    assert not front_end.shows_widget


@pytest.mark.parametrize("cell", ["%cognito_login", "%cognito_panel"])
def test_a_console_prints_the_link_and_then_once_that_the_user_is_signed_in(
    front_end: FrontEnd, sign_in: Callable[[str], None], cell: str
) -> None:
    """It ignores displays that are replaced."""
    front_end.on_link = sign_in
    front_end.start(cell, console=True)
    front_end.wait_for_cell()
    assert front_end.errors == []
    assert AUTHORIZE_URL.search(front_end.text) is not None
    assert front_end.text.splitlines().count("Signed in") == 1
    assert not front_end.views
    front_end.start("%cognito_panel", console=True)
    front_end.wait_for_cell()
    assert front_end.text.splitlines().count("Signed in") == 2


def test_a_console_says_what_was_wrong_with_the_pasted_address_and_that_cognito_denied(
    front_end: FrontEnd,
) -> None:
    front_end.start("%cognito_login --paste --no-browser", console=True)
    front_end.wait_until(lambda: front_end.prompts)
    assert "press Enter when the browser says that you are signed in" in front_end.prompts[0]
    client = front_end._kernel.client
    client.input("https://example.org/?code=abc&state=def")
    front_end.wait_until(lambda: len(front_end.prompts) == 2)
    front_end.wait_until(lambda: "belongs to another sign-in" in front_end.streams)
    found = AUTHORIZE_URL.search(front_end.text)
    assert found is not None
    state = found[0].partition("state=")[2].partition("&")[0]
    client.input(f"?error=access_denied&error_description=You+may+not&state={state}")
    front_end.wait_for_cell()
    assert "You may not" in front_end.errors[0]


@pytest.mark.parametrize(
    "cell",
    [
        "%%capture\n%cognito_login",
        "%%capture\n%cognito_panel",
        "from IPython.utils.capture import capture_output\nwith capture_output():\n    await cognito_jupyter.login()",
    ],
)
def test_a_cell_whose_output_is_captured_says_so_instead_of_waiting_unseen(notebook: Notebook, cell: str) -> None:
    notebook.text("import cognito_jupyter")
    assert "output is captured" in notebook.error(cell)
    controller = "get_ipython().magics_manager.registry['CognitoMagics'].state.controller"
    # No login was ever started, which it would have waited for.
    assert notebook.value(f"{controller}.login_task, {controller}.request") == "None None"


@pytest.mark.parametrize(
    "cell", ["%cognito_login", "%cognito_panel", "import cognito_jupyter; cognito_jupyter.LoginPanel()"]
)
def test_in_voila_a_cell_shows_the_panel_and_does_not_wait(
    voila: Notebook, sign_in: Callable[[str], None], cell: str
) -> None:
    """Voila shows a cell's output when the cell has ended."""
    state = "get_ipython().magics_manager.registry['CognitoMagics'].state"
    run = voila.run(cell)
    assert run.error is None
    assert any(WIDGET in output["data"] for output in run.outputs)
    voila.user.ignore_links()
    if "LoginPanel" not in cell:
        url = voila.value(
            f"(lambda c, t: [t.sleep(0.1) for _ in range(500) if not c.login] and c.login.authorization_url"
            f" or c.login.authorization_url)({state}.controller, __import__('time'))"
        )
        sign_in(url)
        wait_until(lambda: voila.value(f"{state}.current is not None") == "True")
        assert voila.value("'session' in globals()") == "True"


def test_in_voila_login_says_that_it_cannot_wait(voila: Notebook) -> None:
    error = voila.error("import cognito_jupyter\nawait cognito_jupyter.login()")
    assert "Voila shows what a cell displays only when the cell has ended" in error


@pytest.mark.parametrize("cell", ["%cognito_login", "%cognito_panel"])
def test_in_nbconvert_and_papermill_a_cell_ends_at_once(
    cognito: LocalCognito, environment: dict[str, str], cell: str
) -> None:
    with Kernel(environment, allow_stdin=False) as kernel:
        kernel.run_cell("%load_ext cognito_jupyter")
        run = kernel.run_cell(cell)
    assert run.error is not None
    assert run.error.startswith("No user can sign in here")
