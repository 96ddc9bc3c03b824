"""Answers are whole and come in time, or do not count.

botocore limits how long each part of an answer takes, and not how many there are; and it takes half an answer for one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from urllib3.exceptions import HTTPError, ReadTimeoutError as PartTimeoutError

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest

_CHUNK_SIZE = 1 << 16


def enforce_total_timeout(client: Any, timeout: float) -> None:
    """Has a client give an answer up that is not whole in time; botocore then asks again, as if none had come.

    Args:
        client: A botocore client.
        timeout: From the request to the end of the answer.
    """

    def send(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        return send_with_deadline(client, request, timeout)

    client.meta.events.register(f"before-send.{client.meta.service_model.service_id.hyphenize()}", send)


def send_with_deadline(client: Any, request: AWSPreparedRequest, timeout: float) -> AWSResponse:
    """Sends a request by a client's own connections, and returns the whole answer.

    Raises:
        HTTPClientError: As botocore raises it: ReadTimeoutError for an answer that takes too long, and
            ConnectionClosedError for half of one (a BotoCoreError).
    """
    deadline = time.monotonic() + timeout
    # botocore would read the body by itself; this is how it leaves one to the caller.
    request.stream_output = True
    # Its only way to the connections of its calls.
    response = client._endpoint.http_session.send(request)  # noqa: SLF001
    body = b""
    try:
        while chunk := response.raw.read1(_CHUNK_SIZE):
            body += chunk
            if time.monotonic() > deadline:
                response.raw.close()
                raise ReadTimeoutError(endpoint_url=request.url)
    # As botocore does, so that its rules for asking again hold.
    except PartTimeoutError as error:
        raise ReadTimeoutError(endpoint_url=request.url, error=error) from None
    except HTTPError as error:
        raise ConnectionClosedError(endpoint_url=request.url, error=error) from None
    if len(body) < int(response.headers.get("Content-Length") or 0):
        raise ConnectionClosedError(endpoint_url=request.url)
    return AWSResponse(response.url, response.status_code, response.headers, _BufferedBody(body))


class _BufferedBody:
    """A body that has been read, where botocore expects one that has not."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        yield self._content
