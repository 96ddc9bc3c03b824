"""No tool that prints the variables of a traceback's frames prints a secret, whatever fails.

IPython's verbose tracebacks, rich, cgitb and `traceback` show the repr of every variable. Each failure below happens to
a user; the search walks all frames of the error, and of the errors that it came from.
"""

from __future__ import annotations

import inspect
import io
import os
import pydoc
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import pytest
from IPython.core.ultratb import VerboseTB
from rich.console import Console
from rich.traceback import LOCALS_MAX_STRING, Traceback

import cognito_jupyter
from cognito_jupyter._util.timeouts import Timeouts
from cognito_jupyter.credentials.manager import CognitoCredentialsManager
from cognito_jupyter.credentials.store.sign_in import StoredSignIn, StoreKey
from cognito_jupyter.credentials.store.store import Store
from cognito_jupyter.local import LocalCognito
from cognito_jupyter.local.login_page_client import submit_login
from cognito_jupyter.oauth.authenticator import CognitoOAuthAuthenticator
from cognito_jupyter.oauth.login import Login
from cognito_jupyter.oauth.pkce import LoginSecrets
from cognito_jupyter.oauth.tokens import CognitoTokens, decode_jwt_payload
from cognito_jupyter.sharing.endpoint.process import EndpointProcess
from cognito_jupyter.sharing.endpoint.publisher import credentials_body
from tests.conftest import as_tokens, manager_for
from tests.hostile.attempts import HELD, TRIED
from tests.support.polling import wait_until
from tests.support.systems import needs_limits, needs_sigint, needs_sigkill

_PACKAGE = str(Path(cognito_jupyter.__file__).parent)
_PART = 12
"""Characters at either end of a secret that count as the secret: rich shows the first 80, others cut the middle out."""
_ONE_TRY = Timeouts(connect=2.0, read=2.0, total=4.0, retry_delays=(), throttling=0.0)


@dataclass
class Scene:
    """What a user has when something fails.

    Attributes:
        cognito: Where the user signs in.
        authenticator: The app client.
        manager: The user's sign-in.
        folder: An empty folder.
        secrets: What no traceback may show, besides all that the local Cognito has received and issued.
    """

    cognito: LocalCognito
    authenticator: CognitoOAuthAuthenticator
    manager: CognitoCredentialsManager
    folder: Path
    secrets: set[str]

    def secret(self, text: str) -> str:
        """Returns a text after noting that it is secret."""
        self.secrets.add(text)
        return text

    def tokens(self) -> CognitoTokens:
        """Returns new tokens in a plain dict, as a user may have them."""
        tokens = as_tokens(self.cognito.issue_tokens("demo"))
        self.secrets |= {tokens["id_token"], tokens["access_token"], tokens["refresh_token"]}
        return tokens

    def login(self) -> Login:
        """Returns a login that does not listen."""
        login = self.authenticator.begin_login(listen=False)
        self.secrets |= {login._secrets.state, login._secrets.code_verifier}
        return login

    def final_url(self, login: Login) -> str:
        """Returns the URL that the browser ends at."""
        user = self.cognito.demo_user
        url = submit_login(login.authorization_url, user.username, user.password, follow_callback=False)
        assert url is not None
        return url


def refuse_refresh(scene: Scene) -> None:
    scene.cognito.knobs.fail(scene.cognito.REFRESH, status=400, body='{"error": "invalid_grant"}')
    scene.manager.refresh_user_pool_tokens()


def refuse_plain_refresh_token(scene: Scene) -> None:
    scene.authenticator.refresh_tokens(scene.secret("a-plain-refresh-token-of-a-user"))


def refresh_without_service(scene: Scene) -> None:
    scene.cognito.knobs.fail(scene.cognito.REFRESH, status=503, times=None)
    scene.manager.refresh_user_pool_tokens()


def refresh_with_web_page(scene: Scene) -> None:
    scene.cognito.knobs.fail(scene.cognito.REFRESH, status=200, body="<html>", content_type="text/html")
    scene.manager.refresh_user_pool_tokens()


def refresh_with_broken_connection(scene: Scene) -> None:
    scene.cognito.knobs.fail(scene.cognito.REFRESH, kind="drop", times=None)
    scene.manager.refresh_user_pool_tokens()


def refresh_without_id_token(scene: Scene) -> None:
    token = scene.tokens()["access_token"]
    scene.cognito.knobs.fail(scene.cognito.REFRESH, status=200, body=f'{{"access_token": "{token}"}}')
    scene.manager.refresh_user_pool_tokens()


def refresh_with_other_user(scene: Scene) -> None:
    scene.cognito.add_user("other", "Passw0rd!", [])
    other = scene.cognito.issue_tokens("other")
    body = f'{{"access_token": "{other["access_token"]}", "id_token": "{other["id_token"]}"}}'
    scene.cognito.knobs.fail(scene.cognito.REFRESH, status=200, body=body)
    scene.manager.refresh_user_pool_tokens()


def refuse_code(scene: Scene) -> None:
    code, verifier = (
        scene.secret("an-unknown-authorization-code"),
        scene.secret("v" * 20 + "-a-code-verifier-" + "w" * 20),
    )
    scene.authenticator.exchange_code_for_tokens(code, verifier)


def exchange_code_without_refresh_token(scene: Scene) -> None:
    tokens = scene.tokens()
    body = f'{{"access_token": "{tokens["access_token"]}", "id_token": "{tokens["id_token"]}"}}'
    scene.cognito.knobs.fail(scene.cognito.CODE_EXCHANGE, status=200, body=body)
    refuse_code(scene)


def exchange_code_with_broken_connection(scene: Scene) -> None:
    scene.cognito.knobs.fail(scene.cognito.CODE_EXCHANGE, kind="reset")
    refuse_code(scene)


def finish_login_of_other_nonce(scene: Scene) -> None:
    login = scene.login()
    login.handle_pasted_url(scene.final_url(login))
    secrets = login._secrets
    login._secrets = LoginSecrets(secrets.code_verifier, secrets.code_challenge, secrets.state, "another-nonce")
    login.tokens()


def finish_login_without_keys(scene: Scene) -> None:
    login = scene.login()
    login.handle_pasted_url(scene.final_url(login))
    scene.cognito.knobs.fail(scene.cognito.JWKS, status=500, times=None)
    login.tokens()


def finish_login_with_used_code(scene: Scene) -> None:
    login = scene.login()
    url = scene.final_url(login)
    login.handle_pasted_url(url)
    scene.cognito.knobs.fail(scene.cognito.CODE_EXCHANGE, status=400, body='{"error": "invalid_grant"}')
    login.tokens()


def paste_other_login(scene: Scene) -> None:
    scene.login().handle_pasted_url(scene.final_url(scene.login()))


def paste_after_end(scene: Scene) -> None:
    login = scene.login()
    url = scene.final_url(login)
    login.cancel()
    login.handle_pasted_url(url)


def paste_code_without_state(scene: Scene) -> None:
    scene.login().handle_pasted_url(f"http://localhost:3000/?code={scene.secret('0a1b2c3d-a-code-of-a-user')}")


def paste_code_alone(scene: Scene) -> None:
    scene.login().handle_pasted_url(scene.secret("0a1b2c3d-4e5f-an-authorization-code"))


def paste_token(scene: Scene) -> None:
    scene.login().handle_pasted_url(scene.tokens()["id_token"])


def paste_incomplete_address(scene: Scene) -> None:
    code, state = scene.secret("0a1b2c3d-an-authorization-code"), scene.secret("S" * 30 + "tate")
    scene.login().handle_pasted_url(f"http://localhost:3000/?code={code}&code={code}&state={state}")


def refuse_own_token_at_identity_pool(scene: Scene) -> None:
    scene.cognito.knobs.fail(
        "GetId", status=400, body='{"__type": "NotAuthorizedException", "message": "no"}', times=None
    )
    scene.manager.get_credentials()


def refuse_plain_token_at_identity_pool(scene: Scene) -> None:
    scene.cognito.knobs.fail(
        "GetId", status=400, body='{"__type": "NotAuthorizedException", "message": "no"}', times=None
    )
    scene.manager.get_credentials(scene.tokens()["id_token"])


def exchange_token_without_connection(scene: Scene) -> None:
    scene.cognito.knobs.fail(scene.cognito.EXCHANGE, kind="drop", times=None)
    scene.manager.get_credentials()


def get_credentials_without_session_token(scene: Scene) -> None:
    key = scene.secret("a-secret-access-key-of-forty-characters-x")
    body = f'{{"IdentityId": "us-east-1:1", "Credentials": {{"AccessKeyId": "ASIA", "SecretKey": "{key}"}}}}'
    scene.cognito.knobs.fail(scene.cognito.EXCHANGE, status=200, body=body, times=None)
    scene.manager.get_credentials()


def use_session_of_ended_sign_in(scene: Scene) -> None:
    scene.cognito.knobs.credentials_seconds = 1
    session = scene.manager.make_refreshing_session("Analyst")
    scene.manager.auth_tokens = None
    for role in scene.manager._role_credentials.values():
        role.cached = None
    session.client("s3").list_buckets()


def request_unknown_role(scene: Scene) -> None:
    scene.manager.ensure_credentials("NoSuchRole")


def sign_out_without_service(scene: Scene) -> None:
    scene.cognito.knobs.fail(scene.cognito.REVOKE, status=503, times=None)
    scene.manager.sign_out()


def revoke_plain_token_in_vain(scene: Scene) -> None:
    scene.cognito.knobs.fail(scene.cognito.REVOKE, status=400, body='{"error": "invalid_request"}')
    scene.authenticator.revoke(scene.tokens()["refresh_token"])


def decode_what_is_no_token(_: Scene) -> None:
    decode_jwt_payload("eyJhbGciOiJSUzI1NiJ9.not-base64-json-but-secret.s1gnatureOfAToken")


def store_on_full_disk(scene: Scene) -> None:
    store_of(scene, scene.folder / "is-a-file").save_new(stored_sign_in(scene))


def store_where_writing_fails(scene: Scene) -> None:
    import resource

    store = store_of(scene, scene.folder / "sign-ins")
    store.save_new(stored_sign_in(scene))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with store.transaction() as transaction:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
        try:
            transaction.replace_sign_in(stored_sign_in(scene))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def store_after_other_login(scene: Scene) -> None:
    store = store_of(scene, scene.folder / "sign-ins")
    store.save_new(stored_sign_in(scene))
    with store.transaction() as transaction:
        store.path.write_bytes(store.serialize(stored_sign_in(scene)))
        transaction.replace_sign_in(stored_sign_in(scene))


def store_what_cannot_be_stored(scene: Scene) -> None:
    tokens = scene.tokens() | {"access_token": scene.secret("an-access-token\nwith a line break")}
    sign_in = StoredSignIn(tokens, None, {})
    store_of(scene, scene.folder / "sign-ins").save_new(sign_in)


def store_of(scene: Scene, directory: Path) -> Store:
    (scene.folder / "is-a-file").touch()
    pools = scene.cognito.user_pool_id, scene.cognito.identity_pool_id
    return Store(StoreKey(scene.cognito.domain, scene.cognito.client_id, *pools), directory)


def stored_sign_in(scene: Scene) -> StoredSignIn:
    return StoredSignIn(scene.tokens(), None, {})


def interrupt_refresh(scene: Scene) -> None:
    scene.cognito.knobs.fail(scene.cognito.REFRESH, kind="stall", seconds=20)
    counts, before = scene.cognito.counts, scene.cognito.counts[scene.cognito.REFRESH]
    interrupt_when(lambda: counts[scene.cognito.REFRESH] > before, scene.manager.refresh_user_pool_tokens)


def interrupt_code_exchange(scene: Scene) -> None:
    scene.cognito.knobs.fail(scene.cognito.CODE_EXCHANGE, kind="stall", seconds=20)
    counts, before = scene.cognito.counts, scene.cognito.counts[scene.cognito.CODE_EXCHANGE]
    interrupt_when(lambda: counts[scene.cognito.CODE_EXCHANGE] > before, lambda: refuse_code(scene))


def interrupt_identity_pool(scene: Scene) -> None:
    scene.cognito.knobs.fail(scene.cognito.EXCHANGE, kind="stall", seconds=20)
    counts, before = scene.cognito.counts, scene.cognito.counts[scene.cognito.EXCHANGE]
    interrupt_when(lambda: counts[scene.cognito.EXCHANGE] > before, scene.manager.get_credentials)


def interrupt_revocation(scene: Scene) -> None:
    scene.cognito.knobs.fail(scene.cognito.REVOKE, kind="stall", seconds=20)
    counts, before = scene.cognito.counts, scene.cognito.counts[scene.cognito.REVOKE]
    token = scene.tokens()["refresh_token"]
    interrupt_when(lambda: counts[scene.cognito.REVOKE] > before, lambda: scene.authenticator.revoke(token))


def interrupt_share(scene: Scene) -> None:
    """While the endpoint's process does not read what it is sent, as under a debugger."""
    cached = scene.manager.credentials_for_role(scene.manager.resolve_role("Analyst")).get_cached_credentials()
    endpoint = EndpointProcess()
    scene.secrets |= {endpoint.token, cached.frozen.secret_key or "", cached.frozen.token or ""}
    published = 0

    def publish() -> None:
        nonlocal published
        while True:
            endpoint.set_response("/Analyst", credentials_body(cached.frozen, cached.expiration))
            published += 1

    os.kill(endpoint.pid, signal.SIGSTOP)
    try:
        interrupt_when(lambda: stays(lambda: published), publish)
    finally:
        os.kill(endpoint.pid, signal.SIGCONT)
        endpoint.close()


def interrupt_when(condition: Callable[[], bool], call: Callable[[], object]) -> None:
    """Calls a function, and interrupts it as the stop button does, once a condition holds."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    def press() -> None:
        wait_until(condition)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, interrupt)
    button = threading.Thread(target=press)
    button.start()
    try:
        call()
    finally:
        button.join()
        signal.signal(signal.SIGUSR1, before)


def stays(value: Callable[[], object], seconds: float = 0.3) -> bool:
    """Returns whether a value is the same after some time."""
    before = value()
    time.sleep(seconds)
    return value() == before


FAILURES: list[Callable[[Scene], None]] = [
    refuse_refresh,
    refuse_plain_refresh_token,
    refresh_without_service,
    refresh_with_web_page,
    refresh_with_broken_connection,
    refresh_without_id_token,
    refresh_with_other_user,
    refuse_code,
    exchange_code_without_refresh_token,
    exchange_code_with_broken_connection,
    finish_login_of_other_nonce,
    finish_login_without_keys,
    finish_login_with_used_code,
    paste_other_login,
    paste_after_end,
    paste_code_without_state,
    paste_code_alone,
    paste_token,
    paste_incomplete_address,
    refuse_own_token_at_identity_pool,
    refuse_plain_token_at_identity_pool,
    exchange_token_without_connection,
    get_credentials_without_session_token,
    use_session_of_ended_sign_in,
    request_unknown_role,
    sign_out_without_service,
    revoke_plain_token_in_vain,
    decode_what_is_no_token,
    store_on_full_disk,
    store_where_writing_fails,
    store_after_other_login,
    store_what_cannot_be_stored,
    interrupt_refresh,
    interrupt_code_exchange,
    interrupt_identity_pool,
    interrupt_revocation,
    interrupt_share,
]


def error_of(call: Callable[[], object]) -> BaseException:
    """Returns the error of a call, without the frames of these tests, whose variables are the user's own."""
    try:
        call()
    except (PermissionError, ConnectionError, ValueError, KeyboardInterrupt) as error:
        position: TracebackType | None = error.__traceback__
        while position is not None and not position.tb_frame.f_code.co_filename.startswith(_PACKAGE):
            position = position.tb_next
        return error.with_traceback(position)
    raise AssertionError("Nothing failed.")


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yields an error and those that it came from, suppressed ones too: a debugger shows them."""
    seen: set[int] = set()
    pending = [error]
    while pending:
        each = pending.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            yield each
            pending += [each.__cause__, each.__context__]


def frames(error: BaseException) -> Iterator[FrameType]:
    """Yields the frames of an error from the first one of this package on."""
    for each in chain(error):
        own = False
        for frame, _ in traceback.walk_tb(each.__traceback__):
            own = own or frame.f_code.co_filename.startswith(_PACKAGE)
            if own:
                yield frame


def in_ipython(error: BaseException) -> str:
    tool: Any = (
        VerboseTB(theme_name="nocolor") if "theme_name" in inspect.signature(VerboseTB).parameters else VerboseTB()
    )
    return str(tool.text(type(error), error, error.__traceback__, context=7))


class PlainTraceback(Traceback):
    """rich's, without the colours of the source, for which it parses each whole file: the text is the same."""

    @classmethod
    def _guess_lexer(cls, filename: str, code: str) -> str:  # noqa: ARG003 - rich's interface
        return "text"


def in_rich(error: BaseException) -> str:
    console = Console(file=io.StringIO(), width=400, record=True)
    for longest in (10_000, LOCALS_MAX_STRING):
        shown = PlainTraceback.from_exception(
            type(error), error, error.__traceback__, show_locals=True, locals_max_string=longest
        )
        console.print(shown)
    return console.export_text()


def in_traceback_module(error: BaseException) -> str:
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


def in_cgitb(error: BaseException) -> str:
    """Shows what cgitb shows; it has left the standard library with Python 3.13."""
    values = [(name, value) for frame in frames(error) for name, value in frame.f_locals.items()]
    return "\n".join(f"{name} = {pydoc.text.repr(value)} {pydoc.html.repr(value)}" for name, value in values)


def in_debugger(error: BaseException) -> str:
    """Shows the repr of every variable at its whole length, suppressed errors included."""
    values = [(frame.f_code.co_name, name, value) for frame in frames(error) for name, value in frame.f_locals.items()]
    return "\n".join(f"in {function}: {name} = {value!r}" for function, name, value in values)


TOOLS: dict[str, Callable[[BaseException], str]] = {
    "IPython": in_ipython,
    "rich": in_rich,
    "cgitb": in_cgitb,
    "traceback": in_traceback_module,
    "a debugger": in_debugger,
}


@pytest.fixture
def scene(cognito: LocalCognito, tmp_path: Path) -> Scene:
    authenticator = CognitoOAuthAuthenticator(
        cognito.domain, cognito.client_id, cognito.redirect_uri, cognito.region, open_browser=False, timeouts=_ONE_TRY
    )
    manager = manager_for(cognito, authenticator)
    manager._identity_pool._timeouts = _ONE_TRY
    return Scene(cognito, authenticator, manager, tmp_path, set())


NEEDED: dict[Callable[[Scene], None], pytest.MarkDecorator] = {
    store_where_writing_fails: needs_limits,
    interrupt_refresh: needs_sigint,
    interrupt_code_exchange: needs_sigint,
    interrupt_identity_pool: needs_sigint,
    interrupt_revocation: needs_sigint,
    interrupt_share: needs_sigkill,
}
"""What some of them need of the system."""


def shown_secrets(text: str, scene: Scene) -> list[str]:
    """Returns the lines that show a secret, or a part of one."""
    user = scene.cognito.demo_user
    secrets = {secret for secret in scene.secrets | scene.cognito.secrets if len(secret) > _PART} - {user.username}
    parts = {part for secret in secrets for part in (secret[:_PART], secret[-_PART:])}
    return [line.strip()[:300] for line in text.splitlines() if any(part in line for part in parts)]


@pytest.mark.parametrize(
    "failure", [pytest.param(each, marks=NEEDED.get(each, ()), id=each.__name__) for each in FAILURES]
)
def test_no_traceback_that_shows_variables_shows_a_secret(
    scene: Scene, failure: Callable[[Scene], None], record_property: Callable[[str, object], None]
) -> None:
    error = error_of(lambda: failure(scene))
    assert list(frames(error)), "The error has no frame of this package."
    found = {tool: lines for tool, show in TOOLS.items() if (lines := shown_secrets(show(error), scene))}
    record_property(TRIED, len(TOOLS))
    record_property(HELD, len(TOOLS) - len(found))
    assert not found, "\n".join(f"{tool}: {line}" for tool, lines in found.items() for line in lines)


@pytest.mark.parametrize("tool", TOOLS)
def test_the_search_finds_a_plain_secret(scene: Scene, tool: str) -> None:
    """As long as a frame of this package holds one: here a setting, which is shown on purpose."""
    plain = scene.secret("not-a-domain-but-a-secret-for-this-test")

    def refuse() -> object:
        return CognitoOAuthAuthenticator(plain + "/?", "client")

    assert shown_secrets(TOOLS[tool](error_of(refuse)), scene)
