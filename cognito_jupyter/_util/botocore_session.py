"""botocore sessions that neither a missing profile nor an empty variable breaks, and that name this package to AWS."""

from __future__ import annotations

import os
from typing import TypeVar

import botocore.session
from botocore.configprovider import ConstantProvider
from botocore.exceptions import ProfileNotFound

from .http.ca_bundle import botocore_ca_bundle
from .http.user_agent import user_agent

_Session = TypeVar("_Session", bound=botocore.session.Session)


def new_session() -> botocore.session.Session:
    """Returns a botocore session with this machine's whole configuration, without what names nothing.

    CloudTrail shows the User-Agent of its requests.
    """
    session = ignore_empty_names(botocore.session.Session())
    session.user_agent_extra = user_agent()
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
        bundle = botocore_ca_bundle()
        store.set_config_provider("ca_bundle", ConstantProvider(value=bundle.path if bundle is not None else True))
    return session
