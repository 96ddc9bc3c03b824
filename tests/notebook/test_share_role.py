"""A change of the shared role in a real kernel, and what the notebook says about it."""

from __future__ import annotations

from tests.support.notebook import Notebook

UNCHANGED = "What exists already keeps the credentials that it found: boto3 clients"


def test_the_status_says_which_objects_keep_the_earlier_role(notebook: Notebook) -> None:
    notebook.text("%cognito_login -r Analyst --share")
    assert UNCHANGED not in notebook.text("%cognito_status")
    notebook.text("%cognito_login -r Uploader")
    assert UNCHANGED in notebook.text("%cognito_status")
    notebook.text("%cognito_share --stop")
    assert UNCHANGED not in notebook.text("%cognito_status")
    notebook.text("%cognito_share")
    assert UNCHANGED not in notebook.text("%cognito_status")


def test_boto3_of_a_cell_uses_the_new_role_after_a_change(notebook: Notebook) -> None:
    who = "boto3.client('sts').get_caller_identity()['Arn']"
    notebook.text("import boto3")
    notebook.text("%cognito_login -r Analyst --share")
    assert "Analyst" in notebook.value(who)
    notebook.text("%cognito_login -r Uploader")
    assert "Uploader" in notebook.value(who)
