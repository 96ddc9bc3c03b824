"""What reaches a proxy that the environment names: never a request for credentials, which contains the bearer token."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import pytest

from cognito_jupyter import sharing
from tests.sharing.conftest import run_python
from tests.support.proxies import HttpProxy

from .stage import Stage
from .test_expiries import ENVIRONMENT

pytestmark = [pytest.mark.long, pytest.mark.timeout(120)]

PROXIES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY")
CONDITIONS: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "without exemptions": (PROXIES, {}),
    "with exemptions": (PROXIES, {"NO_PROXY": "corp.example"}),
    "with an exemption of every host": (PROXIES, {"no_proxy": "*"}),
    "with an exemption of every host beside others": (PROXIES, {"NO_PROXY": "corp.example,*", "no_proxy": "*"}),
    "of object_store alone": (("AWS_PROXY_URL",), {}),
}
READ = """
import os, obstore
from obstore.store import S3Store
try:
    obstore.get(S3Store(os.environ["BUCKET"]), os.environ["KEY"])
except obstore.exceptions.BaseError:
    pass
"""


@pytest.mark.parametrize("condition", CONDITIONS)
def test_no_library_asks_a_proxy_for_credentials(stage: Stage, condition: str) -> None:
    names, exemptions = CONDITIONS[condition]
    with HttpProxy() as proxy:
        results = stage.run_cases(ENVIRONMENT, 0, environment=dict.fromkeys(names, proxy.url) | exemptions)
        requested = [urlsplit(f"//{url.partition('://')[2] or url}").netloc for url in proxy.requested]
    assert {name: result.errors for name, result in results.items() if result.errors} == {}
    assert all(result.reads for result in results.values())
    # The sign-in may go through the proxy, and is at another address.
    assert [host for host in requested if host != urlsplit(stage.cognito.endpoint).netloc] == []


def test_a_library_would_use_the_proxy_without_the_exemption_of_loopback(shared: sharing.Share, stage: Stage) -> None:
    """Otherwise the test above could not fail."""
    environ = dict(os.environ) | {"BUCKET": stage.cognito.bucket, "KEY": stage.cognito.data_key}
    with HttpProxy() as proxy:
        done = run_python(READ, environ | {"http_proxy": proxy.url, "NO_PROXY": "", "no_proxy": ""})
        assert done.returncode == 0, done.stderr
        assert shared.roles[0].url in proxy.requested
