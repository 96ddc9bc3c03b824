"""A pytest plugin with a Cognito for any project that tests against one: three fixtures, and the marker `cognito`.

pytest loads it in every environment that has this package, so it imports nothing before a fixture is used.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

import pytest

from cognito_jupyter import local

_FOLDER_VARIABLE = "COGNITO_JUPYTER_FOLDER"
"""Where the package has its files in place of the user's folders; nothing is imported from there, which takes time."""
_MARKER = "cognito(**knobs): run this test with these knobs of the local Cognito, which is as new for it."


def pytest_configure(config: pytest.Config) -> None:
    """Registers the marker."""
    config.addinivalue_line("markers", _MARKER)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Gives a test with the marker the fixture that applies it, whichever of the fixtures it uses itself."""
    if isinstance(item, pytest.Function) and item.get_closest_marker("cognito") is not None:
        # usefixtures has no effect any more, once the test has been collected.
        item.fixturenames[:] = list(dict.fromkeys([*item.fixturenames, "isolated_cognito"]))


@pytest.fixture(scope="session")
def local_cognito() -> Iterator[local.LocalCognito]:
    """A Cognito on this machine with S3 behind it, started once for all tests."""
    with local.LocalCognito() as cognito:
        yield cognito


@pytest.fixture
def isolated_cognito(local_cognito: local.LocalCognito, request: pytest.FixtureRequest) -> Iterator[local.LocalCognito]:
    """The same, as new for one test: what it changes is undone afterwards, except for objects in S3.

    Args:
        local_cognito: The fixture above.
        request: pytest's own fixture.
    """
    pool, identity_pool = local_cognito.pool, local_cognito.identity_pool
    directory = {name: copy.copy(getattr(pool, name)) for name in ("users", "groups", "clients", "providers")}
    mapping = copy.copy(identity_pool.mapping), identity_pool.authenticated_role
    counts, pre_token = local_cognito.counts.copy(), pool.pre_token
    local_cognito.counts.clear()
    for marker in reversed(list(request.node.iter_markers("cognito"))):
        _set_knobs(local_cognito.knobs, marker)
    yield local_cognito
    local_cognito.knobs.reset()
    for name, content in directory.items():
        setattr(pool, name, content)
    identity_pool.mapping, identity_pool.authenticated_role = mapping
    pool.pre_token = pre_token
    local_cognito.counts.update(counts)


@pytest.fixture
def local_cognito_environment(
    isolated_cognito: local.LocalCognito, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> local.LocalCognito:
    """The same, with its settings in this test's environment, and an empty folder in place of the user's own ones.

    Args:
        isolated_cognito: The fixture above.
        monkeypatch: pytest's own fixture.
        tmp_path_factory: pytest's own fixture.
    """
    monkeypatch.setenv(_FOLDER_VARIABLE, str(tmp_path_factory.mktemp("cognito_jupyter")))
    for name, value in isolated_cognito.environment.items():
        monkeypatch.setenv(name, value)
    return isolated_cognito


def _set_knobs(knobs: local.Knobs, marker: pytest.Mark) -> None:
    unknown = marker.kwargs.keys() - knobs.values().keys()
    if marker.args or unknown:
        wrong = ", ".join([*map(repr, marker.args), *sorted(unknown)])
        pytest.fail(f"There is no knob {wrong}; there are {', '.join(knobs.values())}.", pytrace=False)
    for name, value in copy.deepcopy(marker.kwargs).items():
        setattr(knobs, name, value)
