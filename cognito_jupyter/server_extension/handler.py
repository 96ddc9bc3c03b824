"""The callback of the relay: it passes the query of a redirect to the login that the state names, and shows its page.

The server compares no state, and exchanges no code: it knows neither a login's state nor its code verifier. Only a
browser that is signed in to this Jupyter server reaches it, and only by opening a page: not by an image, a frame or a
script's request, which need no click of the user.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from typing import Any

import tornado.web
from jupyter_server.auth import decorator
from jupyter_server.base.handlers import JupyterHandler
from tornado.httputil import HTTPHeaders

from .._util.redaction import SecretText
from ..oauth.authorization_response import AuthorizationResponse, CallbackOutcome, parse_query
from ..oauth.callback import pages
from ..oauth.relay.sockets import has_own_peer, is_own_socket, is_private_folder, socket_name
from . import handover_page
from .held_queries import HeldQueries

# From jupyter_server 2.13 on, which otherwise sends users who are not signed in to its sign-in page by itself.
_allow_unauthenticated: Callable[..., Any] = getattr(decorator, "allow_unauthenticated", lambda method: method)

_HELD = "held"
"""The parameter with the key of a query that is held."""
_KERNEL_TIMEOUT = 10.0
"""Seconds that a kernel gets to respond; its thread may wait for a computation of the user."""


class CallbackHandler(JupyterHandler):
    """Receives the redirect of a sign-in."""

    # tornado refuses other methods by this before it looks for their XSRF token, whose absence it logs with the query.
    SUPPORTED_METHODS = ("GET",)

    def initialize(self, folder: str | None, held_queries: HeldQueries) -> None:
        """Sets what all requests share.

        Args:
            folder: The folder of the sockets of logins; None: there is none.
            held_queries: Holds those of users who are not signed in to this server yet.
        """
        self._folder = folder
        self._held_queries = held_queries

    @_allow_unauthenticated
    async def get(self) -> None:
        """Passes the query on, and shows what it has meant; a user who is not signed in to the server does so first."""
        query = SecretText(self.request.query)
        response = parse_query(query)
        if not is_navigation(self.request.headers):
            self._show(pages.NOT_A_PAGE)
        elif response is None and _HELD in self.request.query_arguments:
            self._return_to_held_query()
        elif response is None:
            self._show(pages.NOT_FOUND)
        elif self.current_user:
            await self._pass_on(query, response)
        else:
            self.redirect(f"{self.request.path}?{_HELD}={self._held_queries.hold(query)}")

    @tornado.web.authenticated
    def _return_to_held_query(self) -> None:
        """Goes on with the query that was held while the user signed in, which is then in the address bar again."""
        query = self._held_queries.pop(self.get_query_argument(_HELD))
        if query is None:
            self._show(pages.NOT_FOUND)
        else:
            self.redirect(f"{self.request.path}?{query}")

    async def _pass_on(self, query: str, response: AuthorizationResponse) -> None:
        outcome = None
        if response.state and self._folder is not None:
            outcome = await deliver(self._folder, query, response.state)
        if response.state and outcome in {None, CallbackOutcome.STATE_MISMATCH}:
            self._show(handover_page.PAGE, handover_page.HEADERS)
        else:
            self._show(pages.page_for(outcome or CallbackOutcome.STATE_MISMATCH, response))

    def _show(self, page: pages.CallbackPage, headers: tuple[tuple[str, str], ...] = pages.HEADERS) -> None:
        self.set_status(page.status)
        for name, value in headers:
            self.set_header(name, value)
        self.finish(page.body)


def is_navigation(headers: HTTPHeaders) -> bool:
    """Returns whether a browser opens a page, by its Fetch Metadata; it sends none where the page's scheme is http.

    Source: https://www.w3.org/TR/fetch-metadata/

    Args:
        headers: The request's headers.
    """
    return (
        headers.get("Sec-Fetch-Dest", "document") == "document"
        and headers.get("Sec-Fetch-Mode", "navigate") == "navigate"
        and "Sec-Purpose" not in headers  # a page that is fetched in advance
    )


async def deliver(folder: str, query: str, state: str) -> CallbackOutcome | None:
    """Passes a query to the login that waits for its state.

    Args:
        folder: Where logins listen.
        query: The query of the redirect.
        state: The state in it.

    Returns:
        What it has meant to the login; None if no login of this user listens there.
    """
    path = os.path.join(folder, socket_name(state))
    if not (is_private_folder(folder) and is_own_socket(path)):
        return None
    try:
        async with asyncio.timeout(_KERNEL_TIMEOUT):
            reader, writer = await asyncio.open_unix_connection(path)
            try:
                if not has_own_peer(writer.get_extra_info("socket")):
                    return None
                writer.write(f"{query}\n".encode())
                return CallbackOutcome((await reader.readline()).decode().strip())
            finally:
                writer.close()
    except ConnectionRefusedError:
        # The kernel was killed, and its socket has stayed.
        with contextlib.suppress(OSError):
            os.unlink(path)
    except (OSError, ValueError):  # also no response in time
        pass
    return None
