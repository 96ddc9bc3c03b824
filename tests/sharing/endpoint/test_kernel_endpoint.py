"""The one endpoint of a process: what has found it under one share finds it again under the next one."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import psutil
import pytest

from cognito_jupyter import sharing
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.errors import RefusedError
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from cognito_jupyter.sharing.endpoint import environment as env
from cognito_jupyter.sharing.endpoint.kernel_endpoint import get_kernel_endpoint
from tests.conftest import manager_for
from tests.sharing.conftest import BUCKET
from tests.support.fork import holds_in_forked_child
from tests.support.held_requests import held_endpoints
from tests.support.new_processes import new_process_pool, run_program
from tests.support.polling import wait_until
from tests.support.suspended import suspended
from tests.support.systems import needs_fork

LIST = f"import boto3\nboto3.client('s3').list_objects_v2(Bucket='{BUCKET}')\nprint('listed')"
KEYS_SECONDS = 8.0
"""So many that a busy machine refreshes the credentials in time."""
NEVER = datetime.min.replace(tzinfo=UTC)

Read = Callable[[], object]


class Finder:
    """What an SDK keeps of an endpoint that it has found.

    Args:
        share: The share under which it finds it.
    """

    def __init__(self, share: sharing.Share) -> None:
        variables = share.environment()
        self.url, self.token = variables[env.FULL_URI], variables[env.TOKEN]

    def status(self, path: str | None = None) -> int:
        """Returns the status of the response for the path that was found, or for another one."""
        url = self.url if path is None else self.url.rpartition("/")[0] + path
        request = urllib.request.Request(url, headers={"Authorization": self.token})
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code


def list_bucket(_: object = None) -> int:
    """Lists the bucket by a client that this process has had since its first call."""
    client = vars(list_bucket).setdefault("client", boto3.client("s3"))
    return len(client.list_objects_v2(Bucket=BUCKET)["Contents"])


@contextmanager
def long_lived_clients() -> Iterator[Mapping[str, Read]]:
    """Clients that found their credentials by the environment, in this process and in another one."""
    with ExitStack() as stack:
        s3 = stack.enter_context(closing(boto3.Session().client("s3")))
        workers = stack.enter_context(new_process_pool(1))
        yield {
            "boto3": lambda: s3.list_objects_v2(Bucket=BUCKET),
            "a worker process": lambda: workers.apply(list_bucket, (None,)),
        }


def works(read: Read) -> bool:
    """Whether a read succeeds; each library raises errors of its own."""
    try:
        read()
    except Exception:  # noqa: BLE001 - see above
        return False
    return True


@pytest.fixture
def sign_in(
    cognito: LocalCognito, authenticator: CognitoOAuthAuthenticator
) -> Callable[..., CognitoCredentialsManager]:
    """Signs a user in anew; nothing is left of an earlier sign-in but this process."""

    def new_manager(username: str = "demo") -> CognitoCredentialsManager:
        return manager_for(cognito, authenticator, username)

    return new_manager


@pytest.fixture
def colleague(cognito: LocalCognito) -> str:
    """Another user with the same roles."""
    cognito.add_user("colleague", "the-password", groups=cognito.pool.users["demo"].groups)
    return "colleague"


def check_that_they_go_on_with_the_next_sign_in(
    cognito: LocalCognito,
    sign_in: Callable[..., CognitoCredentialsManager],
    make_clients: Callable[[], AbstractContextManager[Mapping[str, Read]]],
) -> None:
    """Checks clients that find a share, over its end and the next one.

    Args:
        cognito: The local Cognito, whose credentials are to expire soon.
        sign_in: Signs the user in.
        make_clients: Makes the clients, each with a read.
    """
    cognito.knobs.credentials_seconds = KEYS_SECONDS
    first, earlier = sign_in(), set(cognito.aws.issued_keys)
    with ExitStack() as stack:
        stack.enter_context(sharing.share(first, ["Analyst"]))
        clients = stack.enter_context(make_clients())
        assert {name: works(read) for name, read in clients.items()} == dict.fromkeys(clients, True)
        first.sign_out()
        ends = [key.expires for access_key, key in list(cognito.aws.issued_keys.items()) if access_key not in earlier]
        wait_until(lambda: time.time() > max(ends))
        assert {name: works(read) for name, read in clients.items()} == dict.fromkeys(clients, False)
        with sharing.share(sign_in(), ["Analyst"]):
            cognito.aws.proxy.requests.clear()
            for _ in range(2):
                wait_until(lambda: all(map(works, clients.values())))
            signers = {
                each.role_arn for each in cognito.aws.proxy.requests if each.service == "s3" and each.status == 200
            }
            assert signers == {cognito.roles["Analyst"]}


def test_clients_that_found_an_earlier_share_go_on_with_the_next_sign_in(
    cognito: LocalCognito, sign_in: Callable[..., CognitoCredentialsManager]
) -> None:
    """Not while nothing is shared: as soon as the keys that they have expire, they read nothing."""
    check_that_they_go_on_with_the_next_sign_in(cognito, sign_in, long_lived_clients)


def test_another_users_sign_in_serves_nothing_to_what_the_first_user_started(
    sign_in: Callable[..., CognitoCredentialsManager], colleague: str
) -> None:
    with sharing.share(sign_in(), ["Analyst"]) as share:
        found = Finder(share)
        assert found.status() == 200
    with sharing.share(sign_in(colleague), ["Analyst"]) as share:
        assert found.status() == 403
        theirs = Finder(share)
        assert theirs.url != found.url
        assert theirs.status() == 200
    with sharing.share(sign_in(), ["Analyst"]) as share:
        assert (found.status(), theirs.status()) == (200, 403)
        assert share.roles[0].url == found.url


def test_another_role_serves_nothing_to_what_the_first_role_started(
    sign_in: Callable[..., CognitoCredentialsManager],
) -> None:
    with sharing.share(sign_in(), ["Analyst"]) as share:
        found = Finder(share)
    with sharing.share(sign_in(), ["Uploader"]):
        assert found.status() == 403


def test_one_address_one_token_and_one_file_for_all_shares(sign_in: Callable[..., CognitoCredentialsManager]) -> None:
    seen = set()
    for _ in range(3):
        with sharing.share(sign_in(), ["Analyst"]) as share:
            seen.add(tuple(os.environ[name] for name in (env.FULL_URI, env.TOKEN, env.TOKEN_FILE)))
            assert share.roles[0].request_count == 0
            assert share.roles[0].last_request is None
            assert Finder(share).status() == 200
            wait_until(lambda share=share: share.roles[0].request_count == 1)  # type: ignore[misc]
    assert len(seen) == 1


def test_a_share_counts_no_request_of_the_share_before(sign_in: Callable[..., CognitoCredentialsManager]) -> None:
    """The process of the endpoint reports a request a moment later, when that share may have ended."""
    manager = sign_in()
    for _ in range(20):
        with sharing.share(manager, ["Analyst"]) as share:
            assert Finder(share).status() == 200
            assert Finder(share).status() == 200
        with sharing.share(manager, ["Analyst"]) as share:
            assert share.roles[0].last_request is None
            # By the clock of what is reported, which may be coarse, and is rounded to a millisecond.
            began = datetime.fromtimestamp(time.time(), UTC) - timedelta(milliseconds=1)
            assert Finder(share).status() == 200
            wait_until(lambda share=share, began=began: (share.roles[0].last_request or NEVER) >= began)  # type: ignore[misc]
            assert share.roles[0].request_count == 1


def test_every_path_is_forbidden_while_nothing_is_shared(sign_in: Callable[..., CognitoCredentialsManager]) -> None:
    """Beside a shared role, an unknown path is not found: that is a mistake, and no matter of rights."""
    with sharing.share(sign_in(), ["Analyst"]) as share:
        found = Finder(share)
        assert [found.status(path) for path in (None, "/Unknown", "/*")] == [200, 404, 404]
    assert [found.status(path) for path in (None, "/Unknown", "/*")] == [403, 403, 403]


def test_signing_out_refuses_all_at_once_although_cognito_is_slow(
    cognito: LocalCognito, sign_in: Callable[..., CognitoCredentialsManager]
) -> None:
    """The share's thread waits for new credentials then, and the revocation for the token endpoint."""
    cognito.knobs.credentials_seconds = 2
    manager = sign_in()
    share = sharing.share(manager, ["Analyst"])
    found = Finder(share)
    before = dict(os.environ)
    signing_out = threading.Thread(target=manager.sign_out)

    def nothing_runs_any_more() -> bool:
        # The credentials that arrive now are not published.
        assert found.status() == 403
        return not (signing_out.is_alive() or manager._refresher.loop.running or share._loop.running)

    with held_endpoints(cognito, LocalCognito.EXCHANGE, LocalCognito.REVOKE):
        cognito.counts.clear()
        wait_until(lambda: cognito.counts[LocalCognito.EXCHANGE] > 0)
        signing_out.start()
        wait_until(lambda: found.status() == 403 and env.FULL_URI not in os.environ)
        # Cognito has not responded yet.
        assert signing_out.is_alive()
    wait_until(nothing_runs_any_more)
    assert found.status() == 403
    assert env.FULL_URI in before
    assert share.closed


@pytest.mark.parametrize("first_to_close", [0, 1])
def test_of_two_shares_either_may_end_first(
    sign_in: Callable[..., CognitoCredentialsManager], monkeypatch: pytest.MonkeyPatch, first_to_close: int
) -> None:
    """Of one user in one role, so that they have the path in common, and with more roles."""
    monkeypatch.setenv("AWS_PROFILE", "mine")
    before = dict(os.environ)
    shares = [sharing.share(sign_in(), ["Analyst"], region_name="eu-west-1")]
    shares.append(sharing.share(sign_in(), ["Analyst", "Uploader"], hide_credentials_file=True))
    found = Finder(shares[0])
    assert Finder(shares[1]).url == found.url
    shares.pop(first_to_close).close()
    assert found.status() == 200
    assert "AWS_PROFILE" not in os.environ
    assert (os.environ[env.CREDENTIALS_FILE] == before[env.CREDENTIALS_FILE]) == (first_to_close == 1)
    assert run_program(LIST).stdout == "listed\n"
    assert found.status("/cognito-jupyter-Uploader") == (200 if first_to_close == 0 else 403)
    shares.pop().close()
    assert found.status() == 403
    assert dict(os.environ) == before


def test_the_environment_names_what_the_latest_open_share_shares(
    sign_in: Callable[..., CognitoCredentialsManager],
) -> None:
    manager = sign_in()
    with sharing.share(manager, ["Analyst"]) as first:
        with sharing.share(manager, ["Uploader"]) as second:
            assert os.environ[env.FULL_URI] == second.roles[0].url
        assert os.environ[env.FULL_URI] == first.roles[0].url
        os.environ[env.FULL_URI] = "http://127.0.0.1:1/mine"
        first.hide_credentials_file()
        assert os.environ[env.FULL_URI] == "http://127.0.0.1:1/mine"
    assert os.environ.pop(env.FULL_URI) == "http://127.0.0.1:1/mine"


def test_share_returns_only_when_programs_find_the_credentials(
    sign_in: Callable[..., CognitoCredentialsManager],
) -> None:
    """A process that is slow to read its commands would otherwise answer 404 to a program that is started at once."""
    manager = sign_in()
    with sharing.share(manager, ["Analyst"]) as share:
        adding = threading.Thread(target=share.add, args=("Uploader",))
        with suspended(share._endpoint.pid):
            sent = share._endpoint._syncs_sent
            adding.start()
            wait_until(lambda: share._endpoint._syncs_sent > sent)
            adding.join(0.5)
            assert adding.is_alive()
        adding.join()
        assert Finder(share).status("/cognito-jupyter-Uploader") == 200


def test_the_endpoint_that_gave_up_starts_again_at_its_address_with_the_next_share(
    sign_in: Callable[..., CognitoCredentialsManager], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An environment that is installed anew while the kernel runs."""
    with sharing.share(sign_in(), ["Analyst"]) as share:
        found = Finder(share)
        with monkeypatch.context() as patch:
            patch.setattr(sys, "executable", "/missing/python")
            psutil.Process(share._endpoint.pid).kill()
            wait_until(lambda: share.roles[0].warning is not None)
            with pytest.raises(ConnectionError):
                sharing.share(sign_in(), ["Analyst"])
        with sharing.share(sign_in(), ["Analyst"]):
            assert found.status() == 200
            assert share.roles[0].warning is None


@needs_fork
def test_a_fork_neither_ends_nor_changes_it_and_may_share_for_itself(
    sign_in: Callable[..., CognitoCredentialsManager],
) -> None:
    manager = sign_in()
    with sharing.share(manager, ["Analyst"]) as share:
        found = Finder(share)

        def share_in_child() -> bool:
            with pytest.raises(RefusedError, match="forked"):
                share.add("Uploader")
            share.close()
            with sharing.share(manager, ["Analyst"]) as own:
                theirs = Finder(own)
                assert theirs.url.rpartition("/")[0] != found.url.rpartition("/")[0]
                assert theirs.status() == 200
            assert theirs.status() == 403
            get_kernel_endpoint().start().close()
            return found.status() == 200

        assert holds_in_forked_child(share_in_child)
        assert found.status() == 200
        assert found.status("/cognito-jupyter-Uploader") in {403, 404}


FORKS_AND_EXITS = """
import os, sys
from cognito_jupyter.sharing.endpoint.kernel_endpoint import get_kernel_endpoint
process = get_kernel_endpoint().start()
if "fork" in sys.argv and not os.fork():
    sys.exit()  # runs what is registered with atexit, as a worker may
if "fork" in sys.argv:
    os.wait()
# IPython's %autoreload and a reinstallation load the package again.
for name in [name for name in sys.modules if name.startswith("cognito_jupyter")]:
    del sys.modules[name]
from cognito_jupyter.sharing.endpoint.kernel_endpoint import get_kernel_endpoint
again = get_kernel_endpoint().start()
os.stat(process.token_file)
print(process.pid, again.pid, process.url == again.url, process.folder, sep="\\n")
"""


@pytest.mark.parametrize(
    "how",
    ["plain", pytest.param("fork", marks=needs_fork)],
)
def test_it_is_one_also_for_a_package_that_is_loaded_again_and_ends_with_the_process(how: str) -> None:
    done = subprocess.run([sys.executable, "-c", FORKS_AND_EXITS, how], capture_output=True, text=True, check=True)
    first, second, same_url, folder = done.stdout.splitlines()
    assert (first, same_url) == (second, "True")
    assert not psutil.pid_exists(int(first))
    assert not os.path.exists(folder)


def test_nothing_secret_is_in_a_repr(sign_in: Callable[..., CognitoCredentialsManager]) -> None:
    with sharing.share(sign_in(), ["Analyst"]) as share:
        endpoint: Any = get_kernel_endpoint()
        assert Finder(share).token not in repr((endpoint, endpoint._publications, share._environment))
