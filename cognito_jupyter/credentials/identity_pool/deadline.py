"""A total deadline for botocore's responses.

botocore limits the time for each part of a response, not for the whole: a server or proxy that sends a byte now and
then would hold a thread for hours, and with it every thread that waits for the same refresh. botocore also accepts a
response that was cut off. `client.py` uses this for its botocore client; nothing else does.

It uses private attributes of botocore: `client._endpoint.http_session`, and its
`_pool_classes_by_scheme`.
"""

from __future__ import annotations

import io
import time
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from urllib3.exceptions import HTTPError, ReadTimeoutError as ChunkTimeoutError
from urllib3.response import HTTPResponse

from ..._util.http.connection_queue import with_own_connections
from .dry_run import made_up_response

_CHUNK_SIZE = 1 << 16


def use_connection_queue(client: Any) -> None:
    """Gives the pools of a botocore client a queue that no interrupt can leave locked.

    Args:
        client: A botocore client that has not sent a request yet.
    """
    # The same dictionary is in each of its pool managers, those of proxies included.
    pool_classes = client._endpoint.http_session._pool_classes_by_scheme  # noqa: SLF001 - there is no other way
    pool_classes.update(with_own_connections(pool_classes))


def enforce_total_timeout(client: Any, timeout: float) -> None:
    """Has a client abandon a response that is not complete in time; botocore then retries as after a read timeout.

    Args:
        client: A botocore client.
        timeout: Seconds from the request to the end of the response.
    """

    def send(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        return made_up_response(request) or send_with_deadline(client, request, timeout)

    client.meta.events.register(f"before-send.{client.meta.service_model.service_id.hyphenize()}", send)


def send_with_deadline(client: Any, request: AWSPreparedRequest, timeout: float) -> AWSResponse:
    """Sends a request over a client's own connections, and returns the complete response.

    Args:
        client: A botocore client.
        request: The request.
        timeout: Seconds from the request to the end of the response.

    Raises:
        HTTPClientError: As botocore raises it: ReadTimeoutError if the response takes too long, ConnectionClosedError
            if it was cut off (a BotoCoreError).
    """
    deadline = time.monotonic() + timeout
    # Without this botocore reads the body itself.
    request.stream_output = True
    response = client._endpoint.http_session.send(request)  # noqa: SLF001 - the only way to the client's connections
    body = b""
    try:
        while chunk := response.raw.read1(_CHUNK_SIZE):
            body += chunk
            if time.monotonic() > deadline:
                response.raw.close()
                raise ReadTimeoutError(endpoint_url=request.url)
    # The errors that botocore itself raises, so that its retry rules apply.
    except ChunkTimeoutError as error:
        raise ReadTimeoutError(endpoint_url=request.url, error=error) from None
    except HTTPError as error:
        raise ConnectionClosedError(endpoint_url=request.url, error=error) from None
    if len(body) < int(response.headers.get("Content-Length") or 0):
        raise ConnectionClosedError(endpoint_url=request.url)
    # AWSResponse expects a body that has not been read yet.
    unread = HTTPResponse(io.BytesIO(body), preload_content=False)
    return AWSResponse(response.url, response.status_code, response.headers, unread)
