"""`cognito-jupyter credential-process`, as AWS's tools run it.

Where it makes requests, it is forked in most tests: an interpreter would import boto3 each time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cognito_jupyter.credentials.store.files import state_directory
from cognito_jupyter.credentials.store.sign_in import StoreKey
from cognito_jupyter.credentials.store.store import Store
from cognito_jupyter.local import LocalCognito
from tests.conftest import as_tokens, credentials_of
from tests.support.forked_commands import SCRIPT, Commands
from tests.support.shared_kernels import configuration_from_environment, new_manager, refresh_token_of, restart_kernel
from tests.support.systems import needs_modes

EXCHANGE, REFRESH = LocalCognito.EXCHANGE, LocalCognito.REFRESH
HEAVY = {
    *("boto3", "botocore", "requests", "urllib3", "filelock", "platformdirs", "jwt", "IPython"),
    *("argparse", "dataclasses", "json", "logging", "pathlib", "re", "typing"),
}


@pytest.fixture
def store(cognito: LocalCognito) -> Store:
    """The store in the user's state folder, with a sign-in that has the credentials of one role."""
    cognito.knobs.rotation, cognito.knobs.grace = True, 0
    store = Store(StoreKey.from_configuration(configuration_from_environment()))
    manager = new_manager()
    manager.adopt_tokens(as_tokens(cognito.issue_tokens()), store)
    manager.ensure_credentials("Analyst")
    return store


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    where = {**os.environ, **environment}
    command = [SCRIPT, "credential-process", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=where)


RunForked = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run_forked(commands: Commands) -> RunForked:
    """Runs it as `run` does, in a forked process."""

    def run_forked(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return commands.run(["credential-process", *words], {**os.environ, **environment})

    return run_forked


def printed_credentials(process: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """Returns what it printed, which must be AWS's JSON and nothing else."""
    assert (process.returncode, process.stderr) == (0, "")
    printed: dict[str, str] = json.loads(process.stdout)
    assert list(printed) == ["Version", "AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"]
    assert str(printed["Version"]) == "1"
    assert datetime.strptime(printed["Expiration"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC) > datetime.now(UTC)
    return printed


def error_output(process: subprocess.CompletedProcess[str], code: int = 1) -> str:
    assert (process.returncode, process.stdout) == (code, "")
    return process.stderr


def test_valid_credentials_are_printed_without_any_call(cognito: LocalCognito, store: Store) -> None:
    before = cognito.counts.copy()
    stored = credentials_of(restart_kernel(store.path.parent), "Analyst").get_cached_credentials().frozen
    for words in ([store.name, cognito.roles["Analyst"]], [str(store.path)], [store.name]):
        printed = printed_credentials(run(*words))
        assert printed["AccessKeyId"] == stored.access_key
        assert printed["SecretAccessKey"] == stored.secret_key
        assert printed["SessionToken"] == stored.token
    assert cognito.counts == before


def test_valid_credentials_are_printed_without_loading_anything_heavy(store: Store) -> None:
    program = (
        "import sys; before = set(sys.modules)\nfrom cognito_jupyter.cli.main import main\nassert main() == 0\n"
        "sys.stderr.write(' '.join(set(sys.modules) - before))"
    )
    # -S: without site, which in some installations loads much of the standard library.
    path = os.pathsep.join(each for each in sys.path if each)
    ran = subprocess.run(
        [sys.executable, "-S", "-c", program, "credential-process", store.name],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    loaded = {name.partition(".")[0] for name in ran.stderr.split()}
    assert "cognito_jupyter" in loaded
    assert not loaded & HEAVY
    assert json.loads(ran.stdout)["Version"] == 1


def test_the_folder_is_the_one_that_platformdirs_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import platformdirs

    monkeypatch.delenv("COGNITO_JUPYTER_FOLDER")
    for value in (str(tmp_path), "", "  ", None):
        monkeypatch.setenv("XDG_STATE_HOME", value) if value is not None else monkeypatch.delenv("XDG_STATE_HOME")
        named = platformdirs.user_state_path("cognito_jupyter", appauthor=False) / "sign-ins"
        assert state_directory() == str(named)


def test_credentials_about_to_expire_are_refreshed(cognito: LocalCognito, store: Store, run_forked: RunForked) -> None:
    cognito.knobs.credentials_seconds = 6
    first = printed_credentials(run_forked(store.name, cognito.roles["Uploader"]))
    before = cognito.counts[EXCHANGE]
    time.sleep(4.5)
    cognito.knobs.credentials_seconds = 3600
    second = printed_credentials(run_forked(store.name, cognito.roles["Uploader"]))
    assert second["AccessKeyId"] != first["AccessKeyId"]
    assert printed_credentials(run_forked(store.name, cognito.roles["Uploader"])) == second
    assert cognito.counts[EXCHANGE] - before == 1


def test_expired_tokens_are_refreshed_and_stored(cognito: LocalCognito, store: Store) -> None:
    cognito.knobs.id_token_seconds = 1
    manager = new_manager()
    manager.adopt_tokens(as_tokens(cognito.issue_tokens()), store)
    cognito.knobs.id_token_seconds = 3600
    time.sleep(1.1)
    printed_credentials(run(store.name, cognito.roles["Uploader"]))
    stored = restart_kernel(store.path.parent)
    assert refresh_token_of(stored) != refresh_token_of(manager)
    stored.refresh_user_pool_tokens()


def test_a_throttled_call_is_repeated_before_anything_is_printed(
    cognito: LocalCognito, store: Store, run_forked: RunForked
) -> None:
    """Many programs start at the same moment: none of them fails because AWS asks them to slow down."""
    before = cognito.counts[EXCHANGE]
    cognito.knobs.fail(EXCHANGE, like="throttled", times=2)
    printed_credentials(run_forked(store.name, cognito.roles["Uploader"]))
    assert cognito.counts[EXCHANGE] == before + 3


def test_ten_processes_at_one_expiry_make_one_call(cognito: LocalCognito, store: Store, run_forked: RunForked) -> None:
    """One refresh and one exchange, although all of them find everything expired."""
    cognito.knobs.id_token_seconds = 1
    new_manager().adopt_tokens(as_tokens(cognito.issue_tokens()), store)
    cognito.knobs.id_token_seconds = 3600
    time.sleep(1.1)
    before = cognito.counts.copy()
    with ThreadPoolExecutor(10) as pool:
        printed = [printed_credentials(each) for each in pool.map(lambda _: run_forked(store.name), range(10))]
    assert len({each["AccessKeyId"] for each in printed}) == 1
    assert cognito.counts[EXCHANGE] - before[EXCHANGE] == 1
    assert cognito.counts[REFRESH] - before[REFRESH] == 1


def test_credentials_that_are_still_valid_are_printed_when_the_refresh_fails(
    cognito: LocalCognito, store: Store, run_forked: RunForked
) -> None:
    stored = printed_credentials(run_forked(store.name))
    with store.transaction() as transaction:
        assert transaction.sign_in is not None
        old = {
            role: replace(each, advisory_refresh_at=time.time())
            for role, each in transaction.sign_in.credentials.items()
        }
        transaction.replace_sign_in(replace(transaction.sign_in, credentials=old))
    body = '{"__type":"NotAuthorizedException","message":"x"}'
    cognito.knobs.fail(EXCHANGE, status=400, body=body, content_type="application/x-amz-json-1.1", times=None)
    before = cognito.counts[EXCHANGE]
    assert printed_credentials(run_forked(store.name)) == stored
    assert cognito.counts[EXCHANGE] > before


def test_the_endpoints_of_the_sign_in_are_called_whatever_the_environment_says(
    cognito: LocalCognito, store: Store, run_forked: RunForked
) -> None:
    nowhere = "http://127.0.0.1:9"
    names = ("AWS_ENDPOINT_URL_COGNITO_IDENTITY", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER")
    printed_credentials(
        run_forked(store.name, cognito.roles["Uploader"], **dict.fromkeys(names, nowhere), AWS_PROFILE="gone")
    )


def delete_file(store: Store) -> None:
    store.path.unlink()


def truncate_file(store: Store) -> None:
    store.path.write_bytes(store.path.read_bytes()[:-10])


def open_to_others(store: Store) -> None:
    store.path.chmod(0o644)


def open_folder_to_others(store: Store) -> None:
    store.path.parent.chmod(0o755)


def replace_by_link(store: Store) -> None:
    store.path.rename(store.path.with_name("elsewhere"))
    store.path.symlink_to(store.path.with_name("elsewhere"))


def rename_file(store: Store) -> None:
    store.path.rename(store.path.with_name("0" * 32 + ".sign-in"))
    store.name = "0" * 32


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (delete_file, "You are not signed in"),
        (truncate_file, "is damaged"),
        pytest.param(open_to_others, "is open to others than you", marks=needs_modes),
        pytest.param(open_folder_to_others, "chmod 700", marks=needs_modes),
        (replace_by_link, "is a symbolic link"),
    ],
)
def test_an_untrusted_file_is_not_printed(store: Store, damage: Callable[[Store], None], sentence: str) -> None:
    damage(store)
    error = error_output(run(store.name))
    assert sentence in error
    assert "Run: " in error
    assert "Traceback" not in error


def test_a_file_under_another_name_is_not_refreshed(cognito: LocalCognito, store: Store, run_forked: RunForked) -> None:
    rename_file(store)
    assert "is not what its name says" in error_output(run_forked(store.name, cognito.roles["Uploader"]))


def test_without_a_role_the_preferred_one_is_printed(
    cognito: LocalCognito, store: Store, run_forked: RunForked
) -> None:
    """From the cache and after a refresh."""
    claims: dict[str, Any] = {"cognito:preferred_role": cognito.roles["Uploader"]}
    manager = new_manager()
    manager.adopt_tokens(as_tokens(cognito.issue_tokens(**claims)), store)
    first = printed_credentials(run_forked(store.name))
    assert first == printed_credentials(run_forked(store.name))
    stored = store.read_sign_in()
    assert stored is not None
    assert list(stored.credentials) == [cognito.roles["Uploader"]]


def test_a_role_that_the_sign_in_does_not_allow_is_named(store: Store, run_forked: RunForked) -> None:
    error = error_output(run_forked(store.name, "arn:aws:iam::123456789012:role/Nobody"))
    assert "This sign-in allows: Analyst, Uploader." in error
    assert error.endswith("an administrator may still have to add you to its group. Run: cognito-jupyter status\n")


def test_an_ended_sign_in_explains_how_to_sign_in_again(
    cognito: LocalCognito, store: Store, run_forked: RunForked
) -> None:
    manager = restart_kernel(store.path.parent)
    assert manager.authenticator is not None
    manager.authenticator.revoke(refresh_token_of(manager))
    cognito.knobs.id_token_seconds = 1
    new_manager().adopt_tokens(as_tokens({**cognito.issue_tokens(), "refresh_token": refresh_token_of(manager)}), store)
    time.sleep(1.1)
    error = error_output(run_forked(store.name))
    assert error.strip().endswith("Run: cognito-jupyter login")
    assert len(error.strip().splitlines()) == 1


@pytest.mark.parametrize("words", [[], ["a", "b", "c"], ["--role", "x"]])
def test_wrong_arguments_show_how_it_is_used(words: list[str]) -> None:
    assert "usage: cognito-jupyter credential-process" in error_output(run(*words), 2)


def test_help_is_no_error() -> None:
    process = run("--help")
    assert process.returncode == 0
    assert "SIGN_IN" in process.stdout


@pytest.mark.parametrize("name", ["../../../etc/passwd", "/etc/passwd", "/dev/zero", "a\nb"])
def test_a_name_leads_nowhere_else(own_environment: Path, name: str) -> None:
    assert error_output(run(name))


def test_botocore_uses_it_from_a_profile(cognito: LocalCognito, store: Store, own_environment: Path) -> None:
    """With a profile, and none of this package's settings, as in a terminal or another program."""
    command = f'"{SCRIPT}" credential-process {store.name} {cognito.roles["Analyst"]}'
    config = own_environment / "config-of-aws"
    config.write_text(f"[profile science]\nregion = us-east-1\ncredential_process = {command}\n", encoding="ascii")
    program = (
        "import boto3\ns3 = boto3.Session(profile_name='science').client('s3')\n"
        f"print(len(s3.get_object(Bucket={cognito.bucket!r}, Key={cognito.data_key!r})['Body'].read().splitlines()))"
    )
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("COGNITO_") or name == "COGNITO_JUPYTER_FOLDER"
    }
    environment |= {"AWS_CONFIG_FILE": str(config), "AWS_ENDPOINT_URL_S3": cognito.aws_url}
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60, env=environment
    )
    assert (ran.stdout, ran.stderr) == ("361\n", "")
    assert cognito.aws.proxy.requests[-1].role_arn == cognito.roles["Analyst"]
