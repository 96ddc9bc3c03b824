"""Ordinary cells of a notebook that were tried before the share, and again after it and after a change of the role."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cognito_jupyter import sharing
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.local import LocalCognito

pytestmark = [pytest.mark.long, pytest.mark.timeout(120)]

Read = Callable[[str], object]


def _pandas_csv(url: str) -> object:
    import pandas as pd

    return pd.read_csv(url)


def _fsspec_cache(url: str) -> object:
    import fsspec

    with fsspec.open(f"simplecache::{url}") as file:
        return file.read()


def _s3fs(url: str) -> object:
    import s3fs

    return s3fs.S3FileSystem().cat_file(url)


def _pyarrow(url: str) -> object:
    import pyarrow.dataset as ds

    return ds.dataset(url, format="csv").to_table()


def _obstore(url: str) -> object:
    import obstore
    from obstore.store import S3Store

    bucket, _, key = url.removeprefix("s3://").partition("/")
    return obstore.get(S3Store(bucket), key).bytes()


READS = {each.__name__.lstrip("_"): each for each in (_pandas_csv, _fsspec_cache, _s3fs, _pyarrow, _obstore)}


@pytest.fixture
def no_machine_role(cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch) -> None:
    """No role of the machine that runs the tests, and http for object_store."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    # object_store knows no variable that disables it.
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:9")


@pytest.mark.usefixtures("no_machine_role")
@pytest.mark.parametrize("name", READS)
def test_a_cell_works_although_it_was_tried_before(
    cognito: LocalCognito, manager: CognitoCredentialsManager, name: str
) -> None:
    read, url = READS[name], f"s3://{cognito.bucket}/{cognito.data_key}"
    requests = cognito.aws.proxy.requests

    def signers() -> set[str | None]:
        requests.clear()
        read(url)
        return {each.role_arn for each in requests if each.service == "s3"}

    manager.ensure_credentials("Analyst")
    with pytest.raises(Exception, match=r"."):
        read(url)
    with sharing.share(manager, ["Analyst"]) as share:
        assert signers() == {cognito.roles["Analyst"]}
        share.select("Uploader")
        assert signers() == {cognito.roles["Uploader"]}
    with pytest.raises(Exception, match=r"."):
        read(url)
    with sharing.share(manager, ["Analyst"]):
        assert signers() == {cognito.roles["Analyst"]}
