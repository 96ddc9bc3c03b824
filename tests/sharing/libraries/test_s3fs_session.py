"""The session for s3fs: one for each sign-in, role and region, so that reads by storage_options grow nothing."""

from __future__ import annotations

import copy
import gc
import pickle
import uuid
import weakref

import pytest

from cognito_jupyter import sharing
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.local import LocalCognito
from tests.conftest import as_tokens
from tests.sharing.conftest import BUCKET

pytestmark = pytest.mark.long


def test_sixty_reads_by_storage_options_use_one_session_and_one_filesystem(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    import pandas as pd
    import s3fs

    url = f"s3://{BUCKET}/{cognito.data_key}"
    used = set()
    for _ in range(60):
        session = sharing.s3fs_session(manager, "Analyst")
        assert len(pd.read_csv(url, storage_options={"session": session})) == 360
        used.add((id(session), id(s3fs.S3FileSystem(session=session))))
    assert len(used) == 1
    s3fs.S3FileSystem.clear_instance_cache()


def test_each_role_and_region_has_its_own_session(manager: CognitoCredentialsManager) -> None:
    analyst, uploader = (sharing.s3fs_session(manager, suffix) for suffix in ("Analyst", "Uploader"))
    elsewhere = sharing.s3fs_session(manager, "Analyst", region_name="eu-west-1")
    assert len({id(session) for session in (analyst, uploader, elsewhere)}) == 3
    assert elsewhere.get_config_variable("region") == "eu-west-1"


def test_another_users_session_is_another_one(cognito: LocalCognito, manager: CognitoCredentialsManager) -> None:
    first = sharing.s3fs_session(manager, "Analyst")
    manager.auth_tokens = as_tokens(cognito.issue_tokens(sub=str(uuid.uuid4())))
    assert sharing.s3fs_session(manager, "Analyst") is not first


def test_a_session_that_nothing_uses_is_released(manager: CognitoCredentialsManager) -> None:
    """Otherwise its role would be refreshed for as long as the manager lives."""
    reference = weakref.ref(sharing.s3fs_session(manager, "Analyst"))
    gc.collect()
    assert reference() is None


@pytest.mark.parametrize("send", [pickle.dumps, copy.deepcopy])
def test_a_filesystem_sent_to_another_process_says_how_that_gets_credentials(
    manager: CognitoCredentialsManager, send: object
) -> None:
    import s3fs

    filesystem = s3fs.S3FileSystem(session=sharing.s3fs_session(manager, "Analyst"), skip_instance_cache=True)
    assert callable(send)
    for sent in (filesystem, filesystem.session):
        with pytest.raises(TypeError, match="run %cognito_share"):
            send(sent)
