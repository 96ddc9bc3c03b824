"""botocore sessions that a stale AWS_PROFILE does not break."""

from __future__ import annotations

import botocore.session
from botocore.configprovider import ConstantProvider
from botocore.exceptions import ProfileNotFound


def new_session() -> botocore.session.Session:
    """A botocore session with all of the machine's configuration, but for a profile that does not exist.

    Whoever signs in here needs no profile, and an AWS_PROFILE left over from other work would stop botocore.
    """
    session = botocore.session.Session()
    try:
        session.get_scoped_config()
    except ProfileNotFound:
        store = session.get_component("config_store")
        store.set_config_provider("profile", ConstantProvider(value=None))
    return session
