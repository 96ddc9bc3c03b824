"""A share, as this process sees it and as other processes use it, which find it only through their environment."""

from __future__ import annotations

import calendar
import json
import os
import pickle
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest

from cognito_jupyter import sharing
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.errors import RefusedError, RoleError
from cognito_jupyter.local import Fault, LocalCognito
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from cognito_jupyter.sharing.endpoint import environment as env
from tests.conftest import as_tokens, manager_for
from tests.sharing.conftest import BUCKET, run_python, run_until_expired
from tests.support.clock import FakeClock
from tests.support.held_requests import held_endpoints
from tests.support.new_processes import run_program
from tests.support.polling import wait_until
from tests.support.systems import needs_fork

LIST = f"import boto3\nboto3.client('s3').list_objects_v2(Bucket='{BUCKET}')\nprint('listed')"
# One client for all requests, as in a long job.
LIST_UNTIL_STOPPED = f"""
import boto3, os, time
s3, stopping = boto3.client("s3"), False
while not stopping:
    stopping = os.path.exists(STOP)
    s3.list_objects_v2(Bucket="{BUCKET}")
    time.sleep(0.3)
print("listed")
"""


@contextmanager
def default_chain_client() -> Iterator[Any]:
    """A client of this process that found its credentials through the environment, and asks for them each time."""
    session = boto3.Session()
    with closing(session.client("s3")) as s3:
        s3.list_objects_v2(Bucket=BUCKET)
        credentials = session.get_credentials()
        assert credentials is not None
        assert credentials.method == "container-role"
        yield s3


def test_another_process_uses_the_role_past_three_expiries(
    cognito: LocalCognito, manager: CognitoCredentialsManager, tmp_path: Path
) -> None:
    cognito.knobs.credentials_seconds = 8
    cognito.counts.clear()
    stop = tmp_path / "stop"
    with sharing.share(manager, ["Analyst"]):
        program = LIST_UNTIL_STOPPED.replace("STOP", repr(str(stop)))
        done = run_until_expired(cognito, 3, lambda: run_program(program), stop)
    assert done.stdout == "listed\n", done.stderr
    signers = {(each.role_arn, each.status) for each in cognito.aws.proxy.requests if each.service == "s3"}
    assert (cognito.roles["Analyst"], 200) in signers
    assert cognito.counts[LocalCognito.EXCHANGE] >= 4


def test_credentials_are_no_longer_served_once_the_expiration_that_clients_read_has_passed(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    """botocore gives up when it gets such ones, and tries again where the endpoint says that there are none."""
    cognito.knobs.credentials_seconds = 6
    with sharing.share(manager, ["Analyst"]) as share:
        cognito.knobs.faults[LocalCognito.EXCHANGE] = [Fault(status=503, times=None)]
        request = urllib.request.Request(share.roles[0].url, headers={"Authorization": share.environment()[env.TOKEN]})
        served, refused = 0, None
        while refused is None:
            requested_at = time.time()
            try:
                with urllib.request.urlopen(request, timeout=10) as response:
                    expiration = json.load(response)["Expiration"]
                assert calendar.timegm(time.strptime(expiration, "%Y-%m-%dT%H:%M:%SZ")) > requested_at
                served += 1
                time.sleep(0.01)
            except urllib.error.HTTPError as error:
                refused = error.code
    assert served > 0
    assert refused == 503


def test_clients_do_not_wait_for_a_slow_cognito(
    cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator
) -> None:
    """boto3 gives the endpoint two seconds, and pyarrow one."""
    hands = FakeClock()
    manager = manager_for(cognito, authenticator, clock=hands.clock)
    with sharing.share(manager, ["Analyst"]), held_endpoints(cognito, LocalCognito.EXCHANGE):
        cognito.counts.clear()
        hands.advance(45 * 60)
        wait_until(lambda: cognito.counts[LocalCognito.EXCHANGE] > 0, "The credentials are not refreshed.")
        done = run_program(LIST)
    assert done.stdout == "listed\n", done.stderr


def test_published_credentials_are_valid_for_at_least_sixteen_minutes(
    cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator
) -> None:
    """With less time left, botocore would request credentials again for every call."""
    cognito.counts.clear()
    hands = FakeClock()
    tokens = as_tokens(cognito.issue_tokens())
    manager = CognitoCredentialsManager(
        cognito.identity_pool_id, cognito.user_pool_id, cognito.region, tokens, authenticator, clock=hands.clock
    )
    with sharing.share(manager, ["Analyst"]) as share:
        request = urllib.request.Request(share.roles[0].url, headers={"Authorization": share.environment()[env.TOKEN]})

        def left() -> float:
            with urllib.request.urlopen(request, timeout=10) as response:
                until = time.strptime(json.load(response)["Expiration"], "%Y-%m-%dT%H:%M:%SZ")
            return calendar.timegm(until) - hands.now

        least = left()
        for _ in range(100):
            hands.advance(60)
            cognito.knobs.clock_offset = hands.now - time.time()
            least = min(least, left())
            # Minutes pass faster here than the refreshing thread runs.
            wait_until(lambda: left() > 19 * 60)
    assert least >= 16 * 60
    # And not refreshed more often than needed: an hour and forty minutes take three refreshes.
    assert cognito.counts[LocalCognito.EXCHANGE] <= 4


STALE = {
    "AWS_ACCESS_KEY_ID": "AKIASTALE",
    "AWS_SECRET_ACCESS_KEY": "stale",
    "AWS_SESSION_TOKEN": "stale",
    "AWS_PROFILE": "gone",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere",
    "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/Other",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/other",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
    "no_proxy": "corp.example",
}


def test_stale_variables_are_removed_and_restored(
    cognito: LocalCognito, manager: CognitoCredentialsManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager.ensure_credentials("Analyst")
    for name, value in STALE.items():
        monkeypatch.setenv(name, value)
    before = dict(os.environ)
    with sharing.share(manager):
        assert run_program(LIST).stdout == "listed\n"
        assert os.environ["no_proxy"] == "corp.example,127.0.0.1,localhost"
    assert dict(os.environ) == before


def test_a_stale_default_profile_is_hidden_on_request(
    manager: CognitoCredentialsManager, own_environment: Path
) -> None:
    file = Path(os.environ[env.CREDENTIALS_FILE])
    file.write_text("[default]\naws_access_key_id = AKIASTALE\naws_secret_access_key = stale\n")
    before = dict(os.environ)
    with sharing.share(manager):
        assert os.environ[env.CREDENTIALS_FILE] == str(file)
        assert "InvalidAccessKeyId" in run_program(LIST).stderr
    with sharing.share(manager, hide_credentials_file=True):
        assert run_program(LIST).stdout == "listed\n"
    assert dict(os.environ) == before


def test_several_roles_have_a_path_each_and_the_environment_names_the_first(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    with sharing.share(manager, ["Analyst", "Uploader"]) as share:
        first, second = share.roles
        assert (first.role_arn, second.role_arn) == (cognito.roles["Analyst"], cognito.roles["Uploader"])
        assert (first.in_environment, second.in_environment) == (True, False)
        assert os.environ[env.FULL_URI] == first.url != second.url
        who = "import boto3\nprint(boto3.client('sts').get_caller_identity()['Arn'])"
        assert "Analyst" in run_program(who).stdout
        assert "Uploader" in run_program(who, os.environ | share.environment("Uploader")).stdout
        share.select("Uploader")
        assert os.environ[env.FULL_URI] == second.url
        assert [role.url for role in share.roles] == [second.url, first.url]
        assert [role.in_environment for role in share.roles] == [True, False]


def test_sharing_a_role_does_not_change_the_default_role(manager: CognitoCredentialsManager) -> None:
    credentials = manager.ensure_credentials("Analyst")
    with sharing.share(manager, ["Uploader"], default_session=True):
        assert manager.last_role_suffix == "Analyst"
        assert manager.credentials == credentials


def test_roles_show_expiration_and_requests(cognito: LocalCognito, shared: sharing.Share) -> None:
    (role,) = shared.roles
    assert role.last_request is None
    assert role.until is not None
    assert role.until > datetime.now(UTC)
    before = datetime.now(UTC)
    assert run_program(LIST).stdout == "listed\n"
    wait_until(lambda: shared.roles[0].last_request is not None)
    requested = shared.roles[0].last_request
    assert requested is not None
    assert before < requested < datetime.now(UTC)
    assert shared.roles[0].request_count == 1


def test_a_role_is_no_longer_refreshed_once_its_share_is_closed(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    """Also while a variable still holds the share."""
    cognito.knobs.credentials_seconds = 3
    with sharing.share(manager, ["Analyst"]) as share:
        wait_until(lambda: manager._refresher.loop.running, "Nothing is refreshed.")
    wait_until(lambda: not manager._refresher.loop.running, "The role is still refreshed.")
    assert share.closed


def test_the_region_is_set_where_there_is_none(
    manager: CognitoCredentialsManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sharing.share(manager, region_name="eu-west-1"):
        assert (os.environ["AWS_REGION"], os.environ["AWS_DEFAULT_REGION"]) == ("eu-west-1", "eu-west-1")
    assert "AWS_REGION" not in os.environ
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-north-1")
    with sharing.share(manager, region_name="eu-west-1"):
        assert (os.environ["AWS_REGION"], os.environ["AWS_DEFAULT_REGION"]) == ("eu-north-1", "eu-north-1")
    assert "AWS_REGION" not in os.environ


EUROPE = "[default]\nregion = eu-west-1\n"


@pytest.mark.parametrize(
    ("config", "variables", "region"),
    [
        ("", {}, "us-east-1"),
        (EUROPE, {}, "eu-west-1"),
        ("[profile default]\nregion = eu-west-1\n", {}, "eu-west-1"),
        (EUROPE, {"AWS_DEFAULT_REGION": "eu-north-1"}, "eu-north-1"),
        (EUROPE, {"AWS_REGION": "eu-north-1"}, "eu-north-1"),
        (EUROPE + "[profile work]\nregion = eu-west-3\n", {"AWS_PROFILE": "work"}, "eu-west-3"),
        (EUROPE + "[profile work]\noutput = json\n", {"AWS_PROFILE": "work"}, "eu-west-1"),
        (EUROPE, {"AWS_PROFILE": "gone"}, "eu-west-1"),
    ],
)
def test_the_region_that_the_user_has_configured_wins(
    manager: CognitoCredentialsManager,
    monkeypatch: pytest.MonkeyPatch,
    config: str,
    variables: dict[str, str],
    region: str,
) -> None:
    """boto3 reads only AWS_DEFAULT_REGION; JavaScript's SDK and object_store read only AWS_REGION."""
    Path(os.environ["AWS_CONFIG_FILE"]).write_text(config)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    before = dict(os.environ)
    with sharing.share(manager, ["Analyst"]) as share:
        assert {os.environ[name] for name in env.REGIONS} == {region}
        share.select("Uploader")
        assert {share.environment()[name] for name in env.REGIONS} == {region}
        assert boto3.Session().region_name == region
    assert dict(os.environ) == before


def test_the_region_may_stand_in_the_credentials_file(manager: CognitoCredentialsManager) -> None:
    Path(os.environ[env.CREDENTIALS_FILE]).write_text(EUROPE)
    with sharing.share(manager, ["Analyst"]):
        assert {os.environ[name] for name in env.REGIONS} == {"eu-west-1"}


def test_a_process_that_inherits_nothing_needs_only_the_environment_of_the_share(
    cognito: LocalCognito, manager: CognitoCredentialsManager, own_environment: Path
) -> None:
    """Ray's workers, cron and systemd inherit nothing."""
    (own_environment / ".aws").mkdir()
    (own_environment / ".aws" / "credentials").write_text(
        "[default]\naws_access_key_id = A\naws_secret_access_key = b\n"
    )
    with sharing.share(manager, ["Analyst"], hide_credentials_file=True) as share:
        environ = share.environment()
        # On macOS and Windows, a lone NO_PROXY would hide the system's proxies from Python.
        without_proxy = () if sys.platform in {"darwin", "win32"} else ("NO_PROXY", "no_proxy")
        assert {*without_proxy, *env.REGIONS} <= environ.keys()
        home = dict.fromkeys(("HOME", "USERPROFILE"), str(own_environment))
        done = run_program(LIST, {**environ, **home, "AWS_ENDPOINT_URL_S3": cognito.aws_url})
    assert done.stdout == "listed\n", done.stderr


def test_boto3s_default_session_is_replaced_on_request_and_restored(
    cognito: LocalCognito, manager: CognitoCredentialsManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = boto3.Session(region_name="eu-north-1")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", mine)
    with sharing.share(manager, ["Analyst"]):
        assert boto3.DEFAULT_SESSION is mine
    with sharing.share(manager, ["Analyst"], default_session=True) as share:
        assert "Analyst" in boto3.client("sts").get_caller_identity()["Arn"]
        share.select("Uploader")
        assert "Uploader" in boto3.client("sts").get_caller_identity()["Arn"]
    assert boto3.DEFAULT_SESSION is mine


def test_clients_get_an_error_once_the_sign_in_has_ended(
    cognito: LocalCognito, manager: CognitoCredentialsManager
) -> None:
    """In the message of the SDK, at once and without retries, because the status is 4xx."""
    cognito.knobs.credentials_seconds = 4
    cognito.knobs.id_token_seconds = 8
    manager.auth_tokens = as_tokens(cognito.issue_tokens())
    with sharing.share(manager, ["Analyst"]) as share:
        cognito.knobs.fail(LocalCognito.REFRESH, status=400, body='{"error":"invalid_grant"}', times=None)
        wait_until(lambda: share.roles[0].warning is not None)
        done = run_program(LIST)
        assert "Received non 200 response 403 from container metadata" in done.stderr
        assert "The sign-in has ended" in done.stderr
        assert share.roles[0].until is None


def test_it_closes_with_the_sign_in(manager: CognitoCredentialsManager) -> None:
    before = dict(os.environ)
    share = sharing.share(manager)
    manager.sign_out()
    wait_until(lambda: share.closed and dict(os.environ) == before)
    with pytest.raises(RefusedError):
        share.select("Analyst")


def test_a_share_that_fails_changes_nothing(manager: CognitoCredentialsManager) -> None:
    before = dict(os.environ)
    with pytest.raises(RoleError):
        sharing.share(manager, ["Analyst", "Unknown"])
    assert dict(os.environ) == before
    manager.sign_out()
    with pytest.raises(RefusedError):
        sharing.share(manager)
    assert dict(os.environ) == before


def test_nothing_secret_is_in_a_repr_and_nothing_is_pickled(shared: sharing.Share) -> None:
    token = shared.environment()[env.TOKEN]
    shown = repr(
        (
            shared,
            shared.roles,
            shared.environment(),
            shared._environment,
            shared._kernel_endpoint,
            shared._endpoint,
            shared._publishers,
        )
    )
    assert token not in shown
    keys = shared.manager.ensure_credentials("Analyst")
    assert keys["secret_access_key"] not in shown
    with pytest.raises(TypeError):
        pickle.dumps(shared)


@needs_fork
def test_a_forked_worker_uses_the_share_and_cannot_end_it(shared: sharing.Share) -> None:
    child = os.fork()
    if not child:
        shared.close()
        os._exit(0 if run_python(LIST).stdout == "listed\n" else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert not shared.closed
    assert run_program(LIST).stdout == "listed\n"


def test_programs_and_this_process_sign_with_the_shared_role_while_the_endpoint_is_killed(
    shared: sharing.Share, cognito: LocalCognito
) -> None:
    """Two long-lived clients that found the endpoint before, and processes that find it after."""
    with default_chain_client() as s3:
        cognito.aws.proxy.requests.clear()
        for _ in range(3):
            os.kill(shared._endpoint.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
            s3.list_objects_v2(Bucket=BUCKET)
            assert run_program(LIST).stdout == "listed\n"
    signers = {(each.role_arn, each.status) for each in cognito.aws.proxy.requests if each.service == "s3"}
    assert signers == {(cognito.roles["Analyst"], 200)}
    assert shared.roles[0].warning is None


def test_an_endpoint_that_cannot_be_started_again_is_reported(
    shared: sharing.Share, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/missing/python")
    os.kill(shared._endpoint.pid, signal.SIGTERM)
    wait_until(lambda: shared.roles[0].warning is not None)
    assert shared.roles[0].until is None
