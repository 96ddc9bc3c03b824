"""The static page of `deploy/`, as the web server in front of a hub serves it: here a service of the hub."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SERVICE = "cognito"
_PAGE = Path(__file__).parents[2] / "deploy" / "callback.html"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = _PAGE.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Logs nothing."""


@contextmanager
def serve_page() -> Iterator[str]:
    """Serves the page at every path; yields the server's URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def static_redirect_uri(hub_url: str) -> str:
    """Returns the redirect URI of the page on a hub with this root."""
    return f"{hub_url}services/{SERVICE}/cognito-jupyter/callback"
