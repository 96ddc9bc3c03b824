"""A user, a role and a folder with control characters in their names, in a notebook and at a terminal."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from cognito_jupyter.local import LocalCognito
from tests.support.notebook import started_notebook
from tests.test_outside_text import HOSTILE, HOSTILE_NAME


def test_a_notebook_and_a_terminal_show_a_hostile_user_role_and_folder_in_their_lines(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    state = tmp_path / f"state {HOSTILE_NAME}"
    with LocalCognito(aws=False) as cognito:
        user = cognito.demo_user
        role = f"arn:aws:iam::123456789012:role/{HOSTILE}"
        cognito.add_group("Hostile", role, precedence=9)
        cognito.add_user(user.username, user.password, ("Hostile", *user.groups), f"ada@{HOSTILE}")
        every = environment | cognito.environment | {"COGNITO_JUPYTER_FOLDER": str(state)}
        with started_notebook(cognito, every) as notebook:
            shown = [
                notebook.text("%cognito_login --remember"),
                notebook.text("%cognito_status"),
                notebook.text("%cognito_roles"),
                notebook.error("%cognito_login -r NoSuchRole"),
                notebook.error("%cognito_login --profile 'x\x1b[8m\u202ey'"),
            ]
        for command in ("status", "logout"):
            program = [sys.executable, "-m", "cognito_jupyter.cli", command]
            ended = subprocess.run(program, env=every, capture_output=True, text=True, check=True)
            shown.append(ended.stdout + ended.stderr)
        program = [sys.executable, "-m", "cognito_jupyter.cli", "credential-process", "none"]
        ended = subprocess.run(program, env=every, capture_output=True, text=True, check=False)
        shown.append(ended.stderr)
    for text in shown:
        for line in text.splitlines():
            assert line.isprintable(), repr(line)
    assert "ada@a" in shown[1]
    # What cannot be the ARN of a role is no role.
    assert "x1b" not in shown[2]
    assert r"\x1b[8m\u202e" in shown[-1]
