"""The doctor: green for a right set-up, and each of its lines red for the one thing that is wrong."""

from __future__ import annotations

import json
import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cognito_jupyter.credentials.store import files
from cognito_jupyter.doctor.examine import examine
from cognito_jupyter.doctor.report import Check, Report, Verdict, without_home
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.model import AppClient, Fault
from tests.support.systems import needs_modes

MAX_REQUESTS = 12


@pytest.fixture
def cognito(cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalCognito]:
    """The local Cognito, with two redirect URIs; its app clients are restored afterwards."""
    clients = dict(cognito.pool.clients)
    monkeypatch.setenv("COGNITO_REDIRECT_URI", " ".join(cognito.redirect_uri.split()[:2]))
    yield cognito
    cognito.pool.clients = clients


def report_of(**overrides: object) -> Report:
    """Returns the report of a set-up with these settings, whose others are in the environment."""
    report, _ = examine(overrides)
    return report


def failures(report: Report) -> list[Check]:
    return [check for check in report.checks if check.verdict is Verdict.FAIL]


def only_failure(report: Report) -> Check:
    """Returns the one failure; it says what to do."""
    (failure,) = failures(report)
    assert failure.remedy
    return failure


def change_client(cognito: LocalCognito, **changes: object) -> None:
    """Changes the registration of the app client."""
    cognito.pool.clients[cognito.client_id] = replace(cognito.pool.clients[cognito.client_id], **changes)  # type: ignore[arg-type]


# -- a right set-up


def test_a_right_set_up_is_green_and_takes_a_dozen_requests_at_most(cognito: LocalCognito) -> None:
    before = sum(cognito.counts.values())
    report = report_of(logout_uri=cognito.logout_uri)
    assert not failures(report), report.to_text()
    assert sum(cognito.counts.values()) - before == report.requests <= MAX_REQUESTS
    topics = {check.topic for check in report.checks}
    assert topics == {
        "settings",
        "user pool",
        "app client",
        "redirect URI",
        "sign-out URL",
        "login page",
        "identity pool",
        "network",
        "this computer",
    }
    assert report.to_text().endswith("Lines with ? are what only a sign-in tells: --sign-in makes one.")


def test_with_many_redirect_uris_it_still_takes_a_dozen_requests_at_most(
    cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COGNITO_REDIRECT_URI", cognito.redirect_uri)
    report = report_of(logout_uri=cognito.logout_uri)
    assert not failures(report)
    assert report.requests <= MAX_REQUESTS


def test_it_changes_nothing(cognito: LocalCognito, own_environment: Path) -> None:
    before = sorted(own_environment.rglob("*"))
    identities = cognito.identity_pool.identity_count
    report_of()
    assert sorted(own_environment.rglob("*")) == before
    assert cognito.identity_pool.identity_count == identities


def test_the_domain_is_found_with_the_request_that_checks_the_pool(
    cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COGNITO_DOMAIN")
    cognito.counts.clear()
    report = report_of()
    assert not failures(report)
    assert cognito.counts["openid-configuration"] == 1
    assert "from the openid-configuration of" in report.to_text()


def test_the_report_holds_nothing_secret_and_names_no_user(
    own_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LocalCognito(aws=False, client_secret=True) as confidential:
        for name, value in confidential.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("COGNITO_CLIENT_SECRET", str(confidential.client_secret))
        monkeypatch.setenv("COGNITO_LOGIN_HINT", "joyce@example.org")
        monkeypatch.setenv("HTTPS_PROXY", "http://joyce:hunter2@proxy.example.org:8080")
        monkeypatch.setenv("HOME", str(own_environment))
        report = report_of()
        shown = report.to_text() + json.dumps(report.to_json())
        assert not [secret for secret in confidential.secrets if secret in shown]
        for private in ("joyce", "hunter2", str(own_environment)):
            assert private not in shown
        assert "confidential, and its secret is right" in shown


# -- settings


def test_missing_settings_are_named_and_where_they_were_looked_for(own_environment: Path) -> None:
    report = report_of()
    failure = only_failure(report)
    assert failure.topic == "settings"
    assert "client_id and user_pool_id and identity_pool_id" in failure.what
    assert any("There is no file at" in check.what for check in report.checks)
    assert report.requests == 0


def test_a_malformed_file_is_named(cognito: LocalCognito, own_environment: Path) -> None:
    folder = own_environment / "config"
    folder.mkdir(parents=True)
    (folder / "cognito.toml").write_text("client = 'x'\n")
    failure = failures(report_of())[0]
    assert str(folder / "cognito.toml") in failure.what


def test_a_setting_says_from_which_file_it_comes_and_that_it_is_locked(
    cognito: LocalCognito, own_environment: Path
) -> None:
    folder = own_environment / "system"
    folder.mkdir(parents=True)
    (folder / "cognito.toml").write_text('locked = ["remember"]\nremember = false\n')
    text = report_of().to_text()
    path = without_home(str(folder / "cognito.toml"))  # on Windows, temporary folders are in it
    assert f"remember = False, from {path}, which locks it." in text


# -- the user pool


BROKEN: dict[str, tuple[Callable[[LocalCognito], dict[str, object] | None], str, str]] = {
    "the user pool does not exist": (
        lambda cognito: {"user_pool_id": f"{cognito.region}_nosuchpool"},
        "user pool",
        "There is no user pool",
    ),
    "a redirect URI is not registered": (
        lambda cognito: change_client(cognito, redirect_uris=cognito.redirect_uri.split()[1:]),
        "redirect URI",
        "is not registered with app client",
    ),
    "a redirect URI has a slash too many": (
        lambda cognito: {"redirect_uri": f"{cognito.redirect_uri.split()[0]}/"},
        "redirect URI",
        "is not registered with app client",
    ),
    "the app client is confidential": (
        lambda cognito: change_client(cognito, secret="a" * 40),
        "app client",
        "asks for a client secret, and none is set",
    ),
    "revocation is off": (
        lambda cognito: change_client(cognito, revocation=False),
        "app client",
        "Token revocation is off",
    ),
    "the sign-out URL is not registered": (
        lambda _: {"logout_uri": "https://example.org/elsewhere"},
        "sign-out URL",
        "https://example.org/elsewhere is not registered",
    ),
    "the login page has no style": (
        lambda cognito: setattr(cognito.knobs, "login_style", False),
        "login page",
        "managed login has no style",
    ),
    "the identity pool does not exist": (
        lambda cognito: {"identity_pool_id": f"{cognito.region}:00000000-0000-0000-0000-000000000000"},
        "identity pool",
        "There is no identity pool",
    ),
    "the identity pool knows no user pool": (
        lambda cognito: {"identity_pool_id": cognito.identity_pool.other_pool_id},
        "identity pool",
        "It does not know user pool",
    ),
    "the identity pool gives credentials to guests": (
        lambda cognito: setattr(cognito.knobs, "guests", True),
        "identity pool",
        "It gives AWS credentials to guests",
    ),
    "this computer's clock is wrong": (
        lambda cognito: setattr(cognito.knobs, "clock_offset", 900),
        "network",
        "clock is 900 seconds behind",
    ),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_it_is_red_where(cognito: LocalCognito, broken: str) -> None:
    break_it, topic, what = BROKEN[broken]
    failure = only_failure(report_of(**(break_it(cognito) or {})))
    assert failure.topic == topic
    assert what in failure.what


def test_an_unknown_app_client_is_named(cognito: LocalCognito) -> None:
    report = report_of(client_id="abcdefghijklmnopqrstuvwxyz")
    first = failures(report)[0]
    assert first.topic == "app client"
    assert "knows no app client abcdefghijklmnopqrstuvwxyz" in first.what


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"scopes": ("openid",)}, "may not request all of the scopes openid email"),
        ({"code_grant": False}, "may not use the authorization code grant"),
    ],
)
def test_what_the_app_client_may_not_do_is_named(cognito: LocalCognito, changes: dict[str, object], what: str) -> None:
    change_client(cognito, **changes)
    assert {what} == {failure.what.partition(cognito.client_id)[2].strip(" .") for failure in failures(report_of())}


def test_a_wrong_client_secret_is_named(cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch) -> None:
    change_client(cognito, secret="a" * 40)
    monkeypatch.setenv("COGNITO_CLIENT_SECRET", "b" * 40)
    assert any("has another client secret" in failure.what for failure in failures(report_of()))


def test_a_domain_that_cannot_be_reached_is_named_once(cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("COGNITO_DOMAIN", f"http://127.0.0.1:{closed.getsockname()[1]}")
        report = report_of()
    by_topic = {failure.topic: failure.what for failure in failures(report)}
    assert set(by_topic) == {"app client", "network"}
    assert "could not be reached" in by_topic["network"]
    assert "without a proxy" in by_topic["network"]


def test_a_firewall_is_named(cognito: LocalCognito) -> None:
    cognito.knobs.fail("authorize", like="firewall-page", times=None)
    assert {"redirect URI"} == {failure.topic for failure in failures(report_of()) if "AWS WAF" in failure.remedy}


def test_a_server_that_fails_gets_one_request(cognito: LocalCognito) -> None:
    cognito.knobs.faults[cognito.CODE_EXCHANGE] = [Fault(status=503, times=None)]
    cognito.counts.clear()
    report = report_of()
    assert any("failed with HTTP 503" in failure.what for failure in failures(report))
    assert cognito.counts[cognito.CODE_EXCHANGE] == 1


# -- this computer


def test_a_port_in_use_is_a_note_while_another_one_is_free(cognito: LocalCognito) -> None:
    first = int(cognito.redirect_uri.split()[0].rpartition(":")[2])
    with socket.create_server(("127.0.0.1", first)):
        report = report_of()
    assert not failures(report)
    assert any(check.verdict is Verdict.NOTE and f"Port {first} is in use" in check.what for check in report.checks)


def test_if_every_port_is_in_use_it_is_red(cognito: LocalCognito) -> None:
    uri = cognito.redirect_uri.split()[0]
    with socket.create_server(("127.0.0.1", int(uri.rpartition(":")[2]))):
        failure = only_failure(report_of(redirect_uri=uri))
    assert failure.topic == "this computer"
    assert "is in use by another program" in failure.what


def test_a_redirect_uri_of_a_relay_is_no_port_of_this_computer(cognito: LocalCognito) -> None:
    uri = "https://hub.example.org/hub/user-redirect/cognito-jupyter/callback"
    change_client(cognito, redirect_uris=(uri,))
    report = report_of(redirect_uri=uri)
    assert not failures(report)
    (relay,) = [check for check in report.checks if check.topic == "this computer" and uri in check.what]
    assert relay.verdict is Verdict.NOTE
    assert relay.remedy.startswith("Install cognito_jupyter beside the Jupyter server")


def store_folder() -> Path:
    folder = Path(files.state_directory())
    files.ensure_directory(folder)
    return folder


@needs_modes
def test_a_folder_of_sign_ins_that_others_may_read_is_red(cognito: LocalCognito) -> None:
    store_folder().chmod(0o755)
    failure = only_failure(report_of())
    assert "is open to others" in failure.what
    assert failure.remedy.startswith("Run: chmod 700")


def test_a_damaged_sign_in_is_red(cognito: LocalCognito) -> None:
    (store_folder() / "demo.sign-in").write_text("damaged")
    failure = only_failure(report_of())
    assert "cannot be used" in failure.what
    assert "logout --all" in failure.remedy


def test_a_full_disk_is_red(cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch) -> None:
    # A disk cannot be filled here; what the system says of one can be replaced.
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1024))
    assert "is full" in only_failure(report_of()).what


def test_a_default_profile_in_the_way_is_a_note(cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(os.environ["AWS_SHARED_CREDENTIALS_FILE"]).write_text("[default]\naws_access_key_id = A\n")
    report = report_of()
    assert not failures(report)
    assert any("default profile" in check.what for check in report.checks if check.verdict is Verdict.NOTE)


# -- the network


def test_a_bundle_of_cas_that_does_not_verify_the_domain_is_named(
    own_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LocalCognito(aws=False, tls=True) as secure:
        for name, value in secure.environment.items():
            monkeypatch.setenv(name, value)
        other = own_environment / "other.pem"
        other.write_text("no certificate")
        for name in ("REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE"):
            monkeypatch.setenv(name, str(other))
        what = " ".join(failure.what for failure in failures(report_of()))
    assert "REQUESTS_CA_BUNDLE names" in what


def test_another_app_client_of_the_pool_is_only_found_by_a_sign_in(cognito: LocalCognito) -> None:
    """The identity pool checks a token's app client after its signature, which nobody can make up."""
    other = AppClient("otherclient1234567890abcdef", tuple(cognito.redirect_uri.split()))
    cognito.pool.clients[other.client_id] = other
    report = report_of(client_id=other.client_id)
    assert not failures(report)
    assert any(check.verdict is Verdict.UNKNOWN and "app client" in check.what for check in report.checks)


def test_a_lock_that_is_held_for_ever_is_red(cognito: LocalCognito, terminal_sign_in: Path) -> None:
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with files.InterProcessLock(terminal_sign_in, timeout=5):
            held.set()
            release.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert held.wait(10)
        failure = only_failure(report_of())
    finally:
        release.set()
        thread.join()
    assert "has been using" in failure.what


@pytest.fixture
def terminal_sign_in(cognito: LocalCognito) -> Path:
    """A stored sign-in; returns its file."""
    from cognito_jupyter.credentials.store.sign_in import StoredSignIn, StoreKey
    from cognito_jupyter.credentials.store.store import Store
    from cognito_jupyter.settings import CognitoConfiguration
    from tests.conftest import as_tokens

    pools = CognitoConfiguration(
        cognito.domain,
        cognito.client_id,
        cognito.redirect_uri,
        cognito.region,
        cognito.user_pool_id,
        cognito.identity_pool_id,
    )
    store = Store(StoreKey.from_configuration(pools))
    store.save_new(StoredSignIn(as_tokens(cognito.issue_tokens("demo")), None, {}))
    return store.path
