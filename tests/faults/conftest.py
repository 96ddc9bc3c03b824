"""Fixtures of the fault table."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from cognito_jupyter.local import LocalCognito
from tests.support.tls_proxy import Certificates, TlsProxy

from .scenario import FaultScenario, LogCapture, Place

_PLACES: tuple[Place, ...] = ("user pool", "JWKS", "identity pool")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """One CA for the whole table."""
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def proxies(local_cognito: LocalCognito, certificates: Certificates) -> Iterator[dict[Place, TlsProxy]]:
    """A proxy for each place, so that each can fail on its own."""
    with ExitStack() as stack:
        proxies = {place: stack.enter_context(TlsProxy(local_cognito.port, certificates)) for place in _PLACES}
        # Each test collects garbage at its end, and need not look at what was there before the first of them.
        gc.collect()
        gc.freeze()
        yield proxies


@pytest.fixture
def log() -> Iterator[LogCapture]:
    """Everything that is logged on the way to Cognito and AWS, at DEBUG."""
    handler = LogCapture()
    loggers = [logging.getLogger(name) for name in ("cognito_jupyter", "botocore", "boto3", "urllib3", "requests")]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
    yield handler
    for logger in loggers:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)


@pytest.fixture
def scenario(
    cognito: LocalCognito,
    proxies: dict[Place, TlsProxy],
    certificates: Certificates,
    monkeypatch: pytest.MonkeyPatch,
    log: LogCapture,
) -> Iterator[FaultScenario]:
    """Everything over TLS, everything logged, and no retries by botocore, so that a cell is quick."""
    for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.setenv(name, str(certificates.ca_file))
    monkeypatch.setenv("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER", proxies["JWKS"].url)
    monkeypatch.setenv("AWS_ENDPOINT_URL_COGNITO_IDENTITY", proxies["identity pool"].url)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    cognito.secrets.clear()
    yield FaultScenario(cognito, proxies, certificates, log)
    for proxy in proxies.values():
        proxy.set_state("good")
