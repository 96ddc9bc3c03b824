"""Pages of the operations that list something."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TypeVar

from .errors import invalid_parameter

_Item = TypeVar("_Item")
MOST = 60
"""How many items a page holds, by default too."""


def take_page(items: Sequence[_Item], limit: int | None, token: str | None) -> tuple[Sequence[_Item], str | None]:
    """Returns one page, and the token for the next one; None after the last.

    Args:
        items: Everything.
        limit: How many items were asked for.
        token: The token of the page before; None for the first page.

    Raises:
        ApiError: The token is from nowhere.
    """
    start = 0
    if token is not None:
        try:
            start = int(base64.urlsafe_b64decode(token))
        except ValueError:
            raise invalid_parameter("Invalid pagination token.") from None
    end = start + (limit or MOST)
    if not 0 <= start <= end:
        raise invalid_parameter("Invalid pagination token.")
    following = base64.urlsafe_b64encode(str(end).encode()).decode() if end < len(items) else None
    return items[start:end], following
