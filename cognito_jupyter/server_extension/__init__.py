"""An extension of the Jupyter server that receives the redirect of a sign-in and passes it to the kernel: the relay.

It runs in the Jupyter server, which may live in another environment than the kernels. `pip install` switches it on, and
`pip install --no-deps` is enough: it imports only what a Jupyter server has, and of this package what needs no other.
The kernel's half is `oauth/relay`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    """Returns the modules that are extensions; the Jupyter server calls it."""
    return [{"module": "cognito_jupyter.server_extension"}]


def _load_jupyter_server_extension(serverapp: ServerApp) -> None:
    """Adds the relay to a Jupyter server; the server calls it at its start."""
    from .relay import add_relay

    add_relay(serverapp)
