"""How errors are worded where several sentences come together."""

from __future__ import annotations

import pytest

from cognito_jupyter.errors import DOCTOR, LoginTimeoutError, suggest_doctor, with_notes


@pytest.mark.parametrize(
    ("remedy", "shown"),
    [
        ("Sign in again.", f"Sign in again. {DOCTOR}"),
        ("Use http://localhost:3000", f"Use http://localhost:3000 ({DOCTOR})"),
    ],
    ids=["sentence", "address"],
)
def test_the_advice_to_run_the_doctor_never_runs_into_an_address(remedy: str, shown: str) -> None:
    with pytest.raises(LoginTimeoutError) as caught, suggest_doctor():
        raise LoginTimeoutError("The sign-in timed out.", remedy)
    assert with_notes(caught.value) == f"The sign-in timed out. {shown}"
