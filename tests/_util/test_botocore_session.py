"""Sessions that one factory makes: each works alone, and only the first two take their time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import botocore.hooks
import botocore.session
import pytest
from botocore.exceptions import ParamValidationError

from cognito_jupyter._util.botocore_session import SessionFactory, new_session

_EVENT = "an-event-of-this-test"


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> list[botocore.session.Session]:
    """The sessions for which botocore's event handlers were registered."""
    sessions: list[botocore.session.Session] = []
    register = botocore.session.Session.register

    def record_and_register(self: botocore.session.Session, *arguments: Any, **options: Any) -> None:
        if self not in sessions:
            sessions.append(self)
        register(self, *arguments, **options)

    monkeypatch.setattr(botocore.session.Session, "register", record_and_register)
    return sessions


def error_for_bad_bucket(session: botocore.session.Session) -> str:
    """Returns what a handler of botocore raises before it sends anything."""
    # Any: the stubs know no operations.
    client: Any = session.create_client(
        "s3", region_name="us-east-1", aws_access_key_id="AKIAEXAMPLE", aws_secret_access_key="secret"
    )
    with pytest.raises(ParamValidationError) as raised:
        client.list_objects_v2(Bucket="no bucket/")
    return str(raised.value)


def test_botocores_handlers_are_registered_for_the_first_two_sessions_only(
    registered: list[botocore.session.Session],
) -> None:
    make_session = SessionFactory()
    sessions = [make_session() for _ in range(4)]
    assert registered == sessions[:2]
    assert {error_for_bad_bucket(session) for session in sessions} == {error_for_bad_bucket(new_session())}


def test_a_handler_of_one_session_is_called_for_no_other() -> None:
    make_session = SessionFactory()
    called: list[int] = []
    sessions = [make_session() for _ in range(4)]
    for number, session in enumerate(sessions):
        session.get_component("event_emitter").register(_EVENT, lambda number=number, **_: called.append(number))
    sessions.append(make_session())
    for session in sessions:
        session.get_component("event_emitter").emit(_EVENT)
    assert called == [0, 1, 2, 3]


def test_only_handlers_that_are_not_botocores_own_are_inspected(monkeypatch: pytest.MonkeyPatch) -> None:
    """To inspect them takes a quarter of the time that a restarted kernel needs for its session."""
    inspected: list[Callable[..., object]] = []
    accepts_kwargs = botocore.hooks.accepts_kwargs

    def record_and_inspect(handler: Callable[..., object]) -> object:
        inspected.append(handler)
        return accepts_kwargs(handler)

    monkeypatch.setattr(botocore.hooks, "accepts_kwargs", record_and_inspect)
    make_session = SessionFactory()
    sessions = [new_session(), *(make_session() for _ in range(4))]
    assert inspected == []
    for session in sessions:
        with pytest.raises(ValueError, match="must accept keyword arguments"):
            session.get_component("event_emitter").register(_EVENT, lambda: None)
    assert len(inspected) == len(sessions)


def test_each_session_names_this_package_to_aws() -> None:
    make_session = SessionFactory()
    assert [make_session().user_agent_extra for _ in range(3)] == [new_session().user_agent_extra] * 3
