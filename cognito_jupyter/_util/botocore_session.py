"""botocore sessions that neither a missing profile nor an empty variable breaks, and that name this package to AWS."""

from __future__ import annotations

import os
from typing import Any, TypeVar

import botocore.session
from botocore.configprovider import ConstantProvider
from botocore.exceptions import ProfileNotFound
from botocore.handlers import BUILTIN_HANDLERS, REGISTER_FIRST, REGISTER_LAST
from botocore.hooks import EventAliaser, HierarchicalEmitter
from botocore.utils import EVENT_ALIASES

from .http.user_agent import user_agent

_INSPECTION = "_verify_accept_kwargs"
"""The method of botocore's emitter that inspects a handler."""

_Session = TypeVar("_Session", bound=botocore.session.Session)


def new_session(*, for_clients: bool = True) -> botocore.session.Session:
    """Returns a botocore session with this machine's whole configuration, without what names nothing.

    CloudTrail shows the User-Agent of its requests.

    Args:
        for_clients: Whether it has botocore's event handlers, which each client needs. Without them the session has the
            configuration and the data files.
    """
    hooks = HierarchicalEmitter()
    if for_clients:
        register_builtin_handlers(hooks)
    session = botocore.session.Session(event_hooks=hooks, include_builtin_handlers=False)
    ignore_empty_names(session)
    session.user_agent_extra = user_agent()
    return session


def register_builtin_handlers(hooks: HierarchicalEmitter) -> None:
    """Registers botocore's own event handlers as each of its sessions does, in a tenth of the time.

    A session inspects the signature of each handler, for keywords, and looks for each former name of a service in each
    event's name. All of botocore's own handlers have keywords, and few of their events have such a name.

    Args:
        hooks: The emitter of a new session.
    """
    aliaser = EventAliaser(hooks)
    former_names = EVENT_ALIASES.keys()
    with_dots = [name for name in former_names if "." in name]
    vars(hooks)[_INSPECTION] = lambda _: None
    try:
        for event_name, handler, *order in BUILTIN_HANDLERS:
            may_be_former = not former_names.isdisjoint(event_name.split("."))
            may_be_former = may_be_former or any(name in event_name for name in with_dots)
            emitter = aliaser if may_be_former else hooks
            if not order:
                emitter.register(event_name, handler)
            elif order[0] is REGISTER_FIRST:
                emitter.register_first(event_name, handler)
            elif order[0] is REGISTER_LAST:
                emitter.register_last(event_name, handler)
    finally:
        # What is registered later is inspected.
        del vars(hooks)[_INSPECTION]


class SessionFactory:
    """Makes sessions that share what they load from botocore's files.

    The list of AWS's endpoints alone takes 8 MB, and longer to read than a request, for each session with a client.
    """

    def __init__(self) -> None:
        self._loader: Any = None

    def __call__(self) -> botocore.session.Session:
        """Returns a new session."""
        session = new_session()
        if self._loader is None:
            self._loader = session.get_component("data_loader")
        # boto3 adds the folder of its own files for each of its sessions.
        self._loader.search_paths[:] = dict.fromkeys(self._loader.search_paths)
        session.register_component("data_loader", self._loader)
        return session


def ignore_empty_names(session: _Session) -> _Session:
    """Returns the same session; it forgets its profile if there is no such profile, and an empty CA bundle.

    A sign-in with Cognito needs no profile, and an AWS_PROFILE left over from other work would stop botocore. So would
    an empty AWS_CA_BUNDLE; older versions of botocore would even stop to verify certificates.
    """
    store = session.get_component("config_store")
    try:
        session.get_scoped_config()
    except ProfileNotFound:
        store.set_config_provider("profile", ConstantProvider(value=None))
    if any(name in os.environ and not os.environ[name].strip() for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE")):
        from .http.ca_bundle import botocore_ca_bundle

        bundle = botocore_ca_bundle()
        store.set_config_provider("ca_bundle", ConstantProvider(value=bundle.path if bundle is not None else True))
    return session
