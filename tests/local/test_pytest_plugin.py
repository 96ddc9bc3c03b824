"""The fixtures and the marker, as another project's tests use them."""

from __future__ import annotations

import pytest

from cognito_jupyter.local import LocalCognito

pytest_plugins = ["pytester"]

PROJECT = """
import os
import pytest

pytestmark = pytest.mark.cognito(grace=7, credentials_seconds=9)

@pytest.fixture(scope="session")
def local_cognito():
    from cognito_jupyter.local import LocalCognito
    with LocalCognito(aws=False) as cognito:
        yield cognito

@pytest.mark.cognito(rotation=True, credentials_seconds=5, quotas={"GetId": 25.0})
@pytest.mark.parametrize("number", [1, 2])
def test_marked(local_cognito, number):
    knobs = local_cognito.knobs
    assert (knobs.rotation, knobs.credentials_seconds, knobs.grace, knobs.quotas) == (True, 5, 7, {"GetId": 25.0})
    assert (len(local_cognito.pool.users), local_cognito.counts, knobs.faults) == (1, {}, {})
    knobs.quotas["GetId"] = 1.0
    knobs.fail("GetId", like="throttled")
    local_cognito.add_group("Guests")
    local_cognito.add_user("ben", "password", ["Guests"])
    local_cognito.counts["GetId"] += 1

class TestEnvironment:
    def test_of_the_module(self, local_cognito_environment):
        assert os.environ["COGNITO_CLIENT_ID"] == local_cognito_environment.client_id
        assert local_cognito_environment.knobs.credentials_seconds == 9
        assert local_cognito_environment.knobs.rotation is False

@pytest.mark.cognito(rotations=True)
def test_misspelt():
    pass

def test_without_a_fixture(request):
    assert request.getfixturevalue("isolated_cognito").knobs.grace == 7
"""


def test_the_marker_sets_knobs_for_one_test(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8")  # which pytester reads
    pytester.makepyfile(PROJECT)
    result = pytester.runpytest_subprocess("-W", "error", "--strict-markers")
    result.assert_outcomes(passed=4, errors=1)
    result.stdout.fnmatch_lines(["*There is no knob rotations; there are *credentials_seconds*"])


def test_the_marker_is_listed(pytester: pytest.Pytester) -> None:
    pytester.runpytest_subprocess("--markers").stdout.fnmatch_lines(["@pytest.mark.cognito(*knobs)*"])


@pytest.mark.cognito(credentials_seconds=5)
def test_the_session_s_cognito_is_as_new_for_one_test(isolated_cognito: LocalCognito) -> None:
    assert isolated_cognito.knobs.credentials_seconds == 5
