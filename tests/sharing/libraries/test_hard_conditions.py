"""Difficult conditions on users' machines: old keys and profiles, a proxy, a slow Cognito."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cognito_jupyter.local import LocalCognito
from tests.support.proxies import HttpProxy

from .case import ADAPTED, SHARED
from .period import CASES
from .stage import LIFETIME, Result, Stage
from .test_expiries import STEADY

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

_STALE = {
    "AWS_ACCESS_KEY_ID": "AKIASTALE00000000000",
    "AWS_SECRET_ACCESS_KEY": "of-last-year",
    "AWS_SESSION_TOKEN": "of-last-year",
}
Results = dict[str, Result]


def stale_keys(stage: Stage, folder: Path) -> Results:
    """Keys that were once exported, and a profile that no longer exists."""
    return stage.run_cases(STEADY, 1.5 * LIFETIME, environment=_STALE | {"AWS_PROFILE": "gone"})


def a_stale_default_profile(stage: Stage, folder: Path) -> Results:
    """Most SDKs prefer it to the endpoint, so the option hides it."""
    file = folder / "credentials"
    file.write_text("[default]\n" + "".join(f"{name.lower()} = {value}\n" for name, value in _STALE.items()))
    environment = {"AWS_SHARED_CREDENTIALS_FILE": str(file)}
    return stage.run_cases(STEADY, 1.5 * LIFETIME, hide_profiles=True, environment=environment)


def a_proxy(stage: Stage, folder: Path) -> Results:
    """The sign-in goes through it; the requests for credentials, which contain the bearer token, do not."""
    with HttpProxy() as proxy:
        environment = dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"), proxy.url)
        results = stage.run_cases(STEADY, 1.5 * LIFETIME, environment=environment)
    hosts = {urlsplit(address).netloc for address in proxy.requested}
    assert urlsplit(stage.cognito.endpoint).netloc in hosts
    assert hosts <= {urlsplit(url).netloc for url in (stage.cognito.endpoint, stage.cognito.aws_url)}
    return results


def a_slow_cognito(stage: Stage, folder: Path) -> Results:
    """No read waits for it: credentials are refreshed while the old ones are valid."""
    latency = stage.cognito.knobs.latency
    latency[LocalCognito.EXCHANGE] = 1.5
    try:
        return stage.run_cases(STEADY, 2 * LIFETIME, lifetime=1.5 * LIFETIME)
    finally:
        latency.clear()


CONDITIONS: dict[str, Callable[[Stage, Path], Results]] = {
    each.__name__.replace("_", "-"): each for each in (stale_keys, a_stale_default_profile, a_proxy, a_slow_cognito)
}


@pytest.fixture(scope="module", params=CONDITIONS)
def under_a_condition(
    request: pytest.FixtureRequest, stage: Stage, tmp_path_factory: pytest.TempPathFactory
) -> Results:
    """Runs all cases in parallel under one condition, for longer than credentials live."""
    return CONDITIONS[request.param](stage, tmp_path_factory.mktemp("condition"))


@pytest.mark.parametrize("name", STEADY)
def test_a_library_reads_on_all_the_same(stage: Stage, under_a_condition: Results, name: str) -> None:
    result = under_a_condition[name]
    assert not result.errors
    assert result.expiries >= 1
    role = SHARED if CASES[name].way == "environment" else ADAPTED
    assert result.roles == {stage.cognito.roles[role]}
