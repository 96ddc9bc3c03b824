"""Sessions that one factory makes: each works alone, with all of botocore's event handlers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import botocore.hooks
import botocore.session
import pytest
from botocore.exceptions import ParamValidationError
from botocore.handlers import BUILTIN_HANDLERS
from botocore.hooks import HierarchicalEmitter

from cognito_jupyter._util.botocore_session import SessionFactory, new_session, register_builtin_handlers

_EVENT = "an-event-of-this-test"


class RecordingEmitter(HierarchicalEmitter):
    """Records which handler is registered for which event, and how."""

    def __init__(self) -> None:
        super().__init__()
        self.registered: list[tuple[str, str, object]] = []

    def register(self, event_name: str, handler: Any, *others: Any) -> None:
        """Records it, too."""
        self.registered.append(("register", event_name, handler))
        super().register(event_name, handler, *others)

    def register_first(self, event_name: str, handler: Any, *others: Any) -> None:
        """Records it, too."""
        self.registered.append(("register_first", event_name, handler))
        super().register_first(event_name, handler, *others)

    def register_last(self, event_name: str, handler: Any, *others: Any) -> None:
        """Records it, too."""
        self.registered.append(("register_last", event_name, handler))
        super().register_last(event_name, handler, *others)


def error_for_bad_bucket(session: botocore.session.Session) -> str:
    """Returns what a handler of botocore raises before it sends anything."""
    # Any: the stubs know no operations.
    client: Any = session.create_client(
        "s3", region_name="us-east-1", aws_access_key_id="AKIAEXAMPLE", aws_secret_access_key="secret"
    )
    with pytest.raises(ParamValidationError) as raised:
        client.list_objects_v2(Bucket="no bucket/")
    return str(raised.value)


def test_each_session_has_botocores_handlers() -> None:
    make_session = SessionFactory()
    sessions = [new_session(), *(make_session() for _ in range(3))]
    assert {error_for_bad_bucket(session) for session in sessions} == {error_for_bad_bucket(botocore.session.Session())}


def test_a_session_has_exactly_botocores_own_handlers_in_their_order() -> None:
    """Some are registered by a service's former name, which botocore changes into the current one."""
    ours, botocores = RecordingEmitter(), RecordingEmitter()
    register_builtin_handlers(ours)
    botocore.session.Session(event_hooks=botocores)
    assert ours.registered == botocores.registered
    current_names = {event_name for _, event_name, _ in ours.registered}
    assert current_names != {event_name for event_name, *_ in BUILTIN_HANDLERS}


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
    """To inspect them would take longer than all else that a session needs."""
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
