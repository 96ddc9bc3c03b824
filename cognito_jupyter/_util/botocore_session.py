"""botocore sessions that a missing profile does not break, and that name this package to AWS."""

from __future__ import annotations

from typing import TypeVar

import botocore.session
from botocore.configprovider import ConstantProvider
from botocore.exceptions import ProfileNotFound

from .http.user_agent import user_agent

_Session = TypeVar("_Session", bound=botocore.session.Session)


def new_session() -> botocore.session.Session:
    """Returns a botocore session with this machine's whole configuration, without a profile that does not exist.

    CloudTrail shows the User-Agent of its requests.
    """
    session = ignore_missing_profile(botocore.session.Session())
    session.user_agent_extra = user_agent()
    return session


def ignore_missing_profile(session: _Session) -> _Session:
    """Returns the same session; it forgets its profile if there is no such profile.

    A sign-in with Cognito needs no profile, and an AWS_PROFILE left over from other work would stop botocore.
    """
    try:
        session.get_scoped_config()
    except ProfileNotFound:
        store = session.get_component("config_store")
        store.set_config_provider("profile", ConstantProvider(value=None))
    return session
