"""A user, a role and a folder with control characters in their names, in a notebook and at a terminal."""

from __future__ import annotations

from pathlib import Path

from cognito_jupyter.local import LocalCognito
from tests.support.forked_commands import Commands
from tests.support.notebook import started_notebook
from tests.test_outside_text import HOSTILE, HOSTILE_NAME


def test_a_notebook_and_a_terminal_show_a_hostile_user_role_and_folder_in_their_lines(
    tmp_path: Path, environment: dict[str, str], commands: Commands
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
            ended = commands.run([command], every)
            assert ended.returncode == 0
            shown.append(ended.stdout + ended.stderr)
        shown.append(commands.run(["credential-process", "none"], every).stderr)
    for text in shown:
        for line in text.splitlines():
            assert line.isprintable(), repr(line)
    assert "ada@a" in shown[1]
    # What cannot be the ARN of a role is no role.
    assert "x1b" not in shown[2]
    assert r"\x1b[8m\u202e" in shown[-1]
