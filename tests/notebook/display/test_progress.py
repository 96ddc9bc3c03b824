"""A magic that waits for Cognito or AWS for more than a second says what it does; the result takes its place."""

from __future__ import annotations

from dataclasses import replace

from cognito_jupyter.local import LocalCognito
from tests.support.notebook import Notebook

SLOW = 1.8
"""Seconds for one response."""
CASES = (
    (LocalCognito.EXCHANGE, "%cognito_login Uploader", "Selecting the role …", "Signed in"),
    (LocalCognito.EXCHANGE, "%cognito_share Admin", "Starting to share …", "Shared"),
    (LocalCognito.REVOKE, "%cognito_logout", "Signing out …", "Signed out"),
)


def shown_in_turn(notebook: Notebook, code: str) -> tuple[list[str], str]:
    """Returns what a cell displays one after the other, and what is left at its end."""
    texts: list[str] = []
    run = notebook.kernel.run_cell(code, on_output=texts.append)
    assert run.error is None, run.error
    return texts, run.text


def test_a_slow_request_is_announced_and_its_result_takes_that_place(cognito: LocalCognito, notebook: Notebook) -> None:
    cognito.pool.users["demo"] = replace(cognito.demo_user, groups=("Admin", "Analyst", "Uploader"))
    notebook.text("%cognito_login Analyst")
    for endpoint, cell, progress, result in CASES:
        cognito.knobs.latency[endpoint] = SLOW
        texts, left = shown_in_turn(notebook, cell)
        assert progress in texts[0], cell
        assert result in texts[-1], cell
        assert progress not in left, cell
        assert result in left, cell


def test_a_quick_request_is_not_announced(notebook: Notebook) -> None:
    notebook.text("%cognito_login Analyst")
    # A second is not quick for sure on a busy machine.
    notebook.text("from cognito_jupyter.notebook.display import progress; progress._DELAY = 30.0")
    texts, _ = shown_in_turn(notebook, "%cognito_login Uploader")
    assert len(texts) == 1
    assert "Signed in" in texts[0]


def test_after_an_error_the_announcement_reads_not_finished_and_no_output_is_empty(
    cognito: LocalCognito, notebook: Notebook
) -> None:
    notebook.text("%cognito_login Analyst")
    cognito.knobs.latency[LocalCognito.EXCHANGE] = SLOW
    cognito.knobs.fail(LocalCognito.EXCHANGE, status=400, body="{}", times=None)
    run = notebook.kernel.run_cell("%cognito_login Uploader --name other")
    assert run.error is not None
    assert "Selecting the role …" not in run.text
    assert "Selecting the role: not finished." in run.text
    assert all(output["data"]["text/plain"] for output in run.outputs if "data" in output)


def test_the_stop_button_ends_a_slow_request_and_what_announces_it(cognito: LocalCognito, notebook: Notebook) -> None:
    notebook.text("%cognito_login Analyst")
    cognito.knobs.latency[LocalCognito.EXCHANGE] = 30

    def stop(text: str) -> None:
        if "Selecting the role …" in text:
            notebook.kernel.manager.interrupt_kernel()

    run = notebook.kernel.run_cell("%cognito_login Uploader --name other", on_output=stop)
    assert run.error is not None
    assert "Stopped" in run.error
    assert "Selecting the role …" not in run.text
    assert "Selecting the role: not finished." in run.text
    assert notebook.value("[t.name for t in __import__('threading').enumerate() if 'progress' in t.name]") == "[]"


def test_a_slow_lookup_of_the_user_pools_domain_is_announced(cognito: LocalCognito, notebook: Notebook) -> None:
    cognito.knobs.latency["openid-configuration"] = SLOW
    texts: list[str] = []

    def on_output(text: str) -> None:
        texts.append(text)
        notebook.user.on_output(text)

    code = "import os\nos.environ.pop('COGNITO_DOMAIN', None)\n%cognito_login Analyst"
    run = notebook.kernel.run_cell(code, on_output=on_output)
    assert run.error is None, run.error
    assert "Looking up the user pool …" in texts[0]
    assert "Looking up the user pool …" not in run.text
    assert "Looking up the user pool: done." in run.text
