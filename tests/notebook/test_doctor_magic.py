"""`%cognito_doctor`, and a login that fails and names it."""

from __future__ import annotations

import json
import re

from cognito_jupyter.local import LocalCognito
from tests.support.notebook import Notebook


def test_the_doctor_shows_a_table_with_the_front_end_in_it(notebook: Notebook) -> None:
    run = notebook.run("%cognito_doctor")
    page = run.outputs[-1]["data"]["text/html"]
    for part in ("redirect URI", "this front end", "identity pool", "versions", "No check failed"):
        assert part in page
    assert "FAIL" not in page


def test_the_doctor_prints_json_for_a_bug_report(notebook: Notebook, cognito: LocalCognito) -> None:
    cognito.knobs.login_style = False
    report = json.loads(notebook.text("%cognito_doctor --json"))
    assert report["failed"] is True
    assert [check["topic"] for check in report["checks"] if check["verdict"] == "fail"] == ["login page"]


def test_with_a_sign_in_each_role_is_tried(notebook: Notebook) -> None:
    assert "You are not signed in, so no role was tried." in notebook.text("%cognito_doctor --sign-in")
    notebook.text("%cognito_login")
    shown = notebook.text("%cognito_doctor --sign-in")
    assert re.search(r"Analyst.*: AWS gives credentials for it\.", shown)
    assert shown.rstrip().endswith("No check failed.")
    assert "demo@example.org" not in shown


def test_a_login_that_fails_names_the_doctor_and_one_that_was_stopped_does_not(
    notebook: Notebook, cognito: LocalCognito
) -> None:
    cognito.knobs.fail(cognito.CODE_EXCHANGE, like="invalid-client", times=None)
    assert notebook.error("%cognito_login").rstrip().endswith("cognito-jupyter doctor in a terminal.")
    assert "doctor" not in notebook.error("%cognito_roles now")
