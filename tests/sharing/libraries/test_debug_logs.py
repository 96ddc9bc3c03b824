"""Secrets stay out of aiobotocore's logs."""

from __future__ import annotations

import asyncio

import pytest

from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.local import LocalCognito
from tests._util.logs.test_redaction import check_that_debug_logs_show_no_secret
from tests.conftest import credentials_of

pytestmark = pytest.mark.long


def with_aiobotocore(manager: CognitoCredentialsManager, cognito: LocalCognito) -> list[str]:
    """What s3fs does; the manager has other credentials by then."""
    from cognito_jupyter.sharing.adapters.aio import aio_session

    credentials = credentials_of(manager, "Analyst")
    session = aio_session(credentials, cognito.region)
    frozen = credentials.get_frozen_credentials()

    async def read() -> None:
        async with session.create_client("s3") as client:
            await client.list_objects_v2(Bucket=cognito.bucket)

    asyncio.run(read())
    manager.sign_out()
    return [str(frozen.token), str(frozen.secret_key)]


def test_all_loggers_at_debug_show_no_secret_with_aiobotocore(
    cognito: LocalCognito, manager: CognitoCredentialsManager, caplog: pytest.LogCaptureFixture
) -> None:
    check_that_debug_logs_show_no_secret(with_aiobotocore, cognito, manager, caplog)
