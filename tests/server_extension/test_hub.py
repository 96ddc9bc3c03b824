"""What the hub does with an authorization response: the hook of `user_redirect`, and what stays in the log."""

from __future__ import annotations

import logging
import subprocess
import sys
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, strategies as st

from cognito_jupyter.oauth.pkce import new_state
from cognito_jupyter.server_extension import hub


@dataclass
class HubUser:
    """What the hook uses of a user of the hub; the names of the servers lead to whether they are ready."""

    servers: dict[str, bool] = field(default_factory=dict)

    @property
    def spawners(self) -> dict[str, Any]:
        return {name: SimpleNamespace(ready=ready) for name, ready in self.servers.items()}

    def server_url(self, name: str) -> str:
        return f"/base/user/ada/{quote(name)}/" if name else "/base/user/ada/"


def redirect(servers: dict[str, bool], *states: str, path: str = hub.CALLBACK_PATH) -> str | None:
    """Returns where the hook sends the browser."""
    request = SimpleNamespace(query="code=a%20b&state=x", arguments={"state": [state.encode() for state in states]})
    return hub.user_redirect_hook(path, request, HubUser(servers), "/base/")


def test_the_browser_goes_to_the_server_that_the_state_names() -> None:
    servers = {"": True, "second lab": True, "third": True}
    to = redirect(servers, new_state("second lab"))
    assert to == "/base/user/ada/second%20lab/cognito-jupyter/callback?code=a%20b&state=x"


def test_a_state_without_a_name_leads_to_the_default_server() -> None:
    assert (
        redirect({"third": True, "": True}, new_state()) == "/base/user/ada/cognito-jupyter/callback?code=a%20b&state=x"
    )


@pytest.mark.parametrize("states", [(), ("",), ("x.", "y."), ("x.%%",), ("x./w==",), ("x._w",), (new_state("gone"),)])
def test_whatever_else_the_state_holds_leads_to_a_server_of_the_user_that_runs(states: tuple[str, ...]) -> None:
    """That server shows a page which keeps the address."""
    assert str(redirect({"": False, "third": True, "fourth": False}, *states)).startswith("/base/user/ada/third/cogn")
    assert str(redirect({"third": True, "": True}, *states)).startswith("/base/user/ada/cogn")


def test_the_hub_starts_a_server_as_usual_if_none_runs() -> None:
    assert redirect({"": False}, new_state()) is None
    assert redirect({}, new_state("second lab")) is None


@pytest.mark.parametrize(
    "path", ["", "lab", "cognito-jupyter", "cognito-jupyter/callback/x", "x/cognito-jupyter/callback"]
)
def test_other_paths_are_not_touched(path: str) -> None:
    assert redirect({"": True}, new_state(), path=path) is None


@given(st.text(max_size=40))
def test_every_name_of_a_server_comes_back_from_its_state(name: str) -> None:
    expected = name.encode(errors="replace").decode()
    assert hub.server_name_in([new_state(name).encode()]) == expected


@given(st.lists(st.binary(max_size=40), max_size=3))
def test_no_state_fails_the_hook(states: list[bytes]) -> None:
    assert isinstance(hub.server_name_in(states), str)


class Configuration:
    """traitlets' `c`, as far as it is used here."""

    def __init__(self, **options: Any) -> None:
        self.JupyterHub = Options(options)
        self.Spawner = SimpleNamespace(environment={})


class Options(dict[str, Any]):
    """A section of traitlets' `c`: a dict whose items are attributes too."""

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value


@pytest.fixture
def unfiltered_loggers() -> Any:
    """Removes the filters afterwards."""
    yield
    for name in ("JupyterHub", "jupyterhub", "tornado.access", "tornado.application", "tornado.general"):
        logging.getLogger(name).filters.clear()


def test_configure_keeps_the_hook_that_was_there_for_other_paths(unfiltered_loggers: None) -> None:
    def previous(path: str, request: Any, user: Any, base_url: str) -> str:
        return f"previous {path}"

    c = Configuration(user_redirect_hook=previous)
    hub.configure(c)
    hook = c.JupyterHub["user_redirect_hook"]
    request = SimpleNamespace(query="code=a", arguments={})
    assert hook("lab", request, HubUser({"": True}), "/") == "previous lab"
    assert (
        hook(hub.CALLBACK_PATH, request, HubUser({"": True}), "/") == "/base/user/ada/cognito-jupyter/callback?code=a"
    )


def test_configure_works_without_an_earlier_hook(unfiltered_loggers: None) -> None:
    c = Configuration()
    hub.configure(c)
    assert c.Spawner.environment == {hub.HOOK_VARIABLE: "1"}
    assert c.JupyterHub["user_redirect_hook"]("lab", SimpleNamespace(), HubUser(), "/") is None


def test_the_log_shows_no_code_whether_its_url_is_encoded_or_not(
    unfiltered_loggers: None, caplog: pytest.LogCaptureFixture
) -> None:
    hub.redact_log()
    hub.redact_log()
    url = "/hub/user-redirect/cognito-jupyter/callback?code=s3cret&state=s4cret.bGFi"
    log = logging.getLogger("tornado.access")
    assert len(log.filters) == 1
    with caplog.at_level(logging.INFO):
        log.info("302 GET %s -> /hub/login?next=%s (@1.2.3.4)", url, quote(url, safe=""))
        log.info("302 GET /hub/login?next=" + quote(quote(url, safe=""), safe="") + " (@1.2.3.4) 1.00ms")  # noqa: G003 - as the hub does
        log.info('{"Referer": "https://hub%s", "Accept": "*/*"}', url)
        log.info("200 GET /hub/home?code=%d", 7)
    assert "s3cret" not in caplog.text
    assert "s4cret" not in caplog.text
    assert caplog.messages[0] == (
        "302 GET /hub/user-redirect/cognito-jupyter/callback?[secret] -> "
        "/hub/login?next=%2Fhub%2Fuser-redirect%2Fcognito-jupyter%2Fcallback?[secret] (@1.2.3.4)"
    )
    assert caplog.messages[2].endswith('callback?[secret]", "Accept": "*/*"}')
    assert caplog.messages[3] == "200 GET /hub/home?code=7"


def test_a_copy_of_the_module_works_beside_a_hub_without_any_package() -> None:
    """Not even the environment's packages: `-S` hides them, and `-I` the working folder."""
    subprocess.run([sys.executable, "-I", "-S", hub.__file__], check=True)
