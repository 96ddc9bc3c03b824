"""The session of requests with which Cognito's user pools are called."""

from __future__ import annotations

from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.poolmanager import pool_classes_by_scheme

from .connection_queue import with_own_connections
from .user_agent import user_agent


class _Adapter(HTTPAdapter):
    """Requests' adapter, whose pools no interrupt can leave locked."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = with_own_connections(pool_classes_by_scheme)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        try:
            manager = super().proxy_manager_for(*args, **kwargs)
        except requests.RequestException:
            raise
        except ValueError:
            # urllib3's, for a version of SOCKS that does not exist; its message has the URL with its password.
            raise requests.exceptions.InvalidProxyURL("The proxy's scheme is unknown.") from None
        # Those that it has: a SOCKS proxy's pools connect in their own way.
        manager.pool_classes_by_scheme = with_own_connections(manager.pool_classes_by_scheme)
        return manager


def new_requests_session() -> requests.Session:
    """Returns a session whose pools no interrupt leaves locked, and which sends no credentials of the user's own."""
    session = requests.Session()
    for prefix in ("https://", "http://"):
        session.mount(prefix, _Adapter())
    session.headers["User-Agent"] = f"{user_agent()} {requests.utils.default_user_agent()}"
    # No authentication of its own: requests would send a ~/.netrc entry, which Cognito refuses.
    session.auth = lambda request: request
    return session
