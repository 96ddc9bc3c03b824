"""File systems of libraries that found a share go on with the next one."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from cognito_jupyter.local import LocalCognito
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from tests.conftest import manager_for
from tests.sharing.conftest import BUCKET
from tests.sharing.endpoint.test_kernel_endpoint import Read, check_that_they_go_on_with_the_next_sign_in

pytestmark = pytest.mark.long


@contextmanager
def long_lived_file_systems() -> Iterator[Mapping[str, Read]]:
    import pyarrow.fs
    import s3fs

    filesystem = s3fs.S3FileSystem(skip_instance_cache=True, use_listings_cache=False)
    arrow = pyarrow.fs.S3FileSystem(
        endpoint_override=os.environ["AWS_ENDPOINT_URL_S3"].partition("//")[2], scheme="http"
    )
    yield {
        "s3fs": lambda: filesystem.ls(BUCKET, refresh=True),
        "pyarrow": lambda: arrow.get_file_info(pyarrow.fs.FileSelector(BUCKET)),
    }


def test_file_systems_that_found_an_earlier_share_go_on_with_the_next_sign_in(
    cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator
) -> None:
    check_that_they_go_on_with_the_next_sign_in(
        cognito, lambda: manager_for(cognito, authenticator), long_lived_file_systems
    )
