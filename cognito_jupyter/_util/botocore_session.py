"""botocore sessions that neither a missing profile nor an empty variable breaks, and that name this package to AWS."""

from __future__ import annotations

import copy
import os
from typing import Any, TypeVar

import botocore.session
from botocore.configprovider import ConstantProvider
from botocore.exceptions import ProfileNotFound
from botocore.hooks import HierarchicalEmitter

from .http.user_agent import user_agent

_INSPECTION = "_verify_accept_kwargs"
"""The method of botocore's emitter that inspects a handler."""

_Session = TypeVar("_Session", bound=botocore.session.Session)


def new_session(
    *, for_clients: bool = True, event_hooks: HierarchicalEmitter | None = None
) -> botocore.session.Session:
    """Returns a botocore session with this machine's whole configuration, without what names nothing.

    CloudTrail shows the User-Agent of its requests.

    Args:
        for_clients: Whether it has botocore's event handlers, which each client needs, and which take ten times longer
            to register than all else. Without them the session has the configuration and the data files.
        event_hooks: Where its event handlers are registered; None: in an emitter of its own.
    """
    hooks = event_hooks if event_hooks is not None else HierarchicalEmitter()
    # botocore inspects the signature of each handler, for keywords, which takes a quarter of a session's time. Its own
    # 128 have them; those that are registered later are inspected.
    vars(hooks)[_INSPECTION] = lambda _: None
    try:
        session = botocore.session.Session(event_hooks=hooks, include_builtin_handlers=for_clients)
    finally:
        del vars(hooks)[_INSPECTION]
    ignore_empty_names(session)
    session.user_agent_extra = user_agent()
    return session


class SessionFactory:
    """Makes sessions that share what they load from botocore's files.

    The list of AWS's endpoints alone takes 8 MB, and longer to read than a request, for each session with a client.
    botocore's event handlers are registered for the first two, and copied for each further one, as botocore copies them
    for each client. The first one is all that a restarted kernel needs, and makes no copy.
    """

    def __init__(self) -> None:
        self._loader: Any = None
        self._registered_hooks: HierarchicalEmitter | None = None

    def __call__(self) -> botocore.session.Session:
        """Returns a new session."""
        session = self._new_session()
        if self._loader is None:
            self._loader = session.get_component("data_loader")
        # boto3 adds the folder of its own files for each of its sessions.
        self._loader.search_paths[:] = dict.fromkeys(self._loader.search_paths)
        session.register_component("data_loader", self._loader)
        return session

    def _new_session(self) -> botocore.session.Session:
        if self._registered_hooks is not None:
            return new_session(for_clients=False, event_hooks=copy.copy(self._registered_hooks))
        if self._loader is None:
            return new_session()
        hooks = HierarchicalEmitter()
        session = new_session(event_hooks=hooks)
        # Now: its user may add handlers to it.
        self._registered_hooks = copy.copy(hooks)
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
