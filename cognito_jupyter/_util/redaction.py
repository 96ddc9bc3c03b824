"""Keeps secrets out of reprs.

Two means: dicts whose repr shows no value, for everything that travels between Cognito and this package; and one text
whose repr does not show it. This module never decides what is a secret: the callers hand in their own. `logs` does the
same for logs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar, cast

from .closing import NotPicklable

_Shape = TypeVar("_Shape", bound=Mapping[str, object])


class RedactedDict(dict[str, object]):
    """A dict whose repr shows only its keys; it works as any other otherwise."""

    def __repr__(self) -> str:
        return "{" + ", ".join(f"{key!r}: '...'" for key in self) + "}"


def redacted(shape: _Shape) -> _Shape:
    """Returns the same mapping as a `RedactedDict`; the static type is kept."""
    return cast("_Shape", RedactedDict(shape))


class Secret(NotPicklable):
    """One text that no repr, format or traceback shows; `reveal` returns it. Two are equal if their texts are.

    Args:
        text: The secret.
    """

    pickle_error = "A secret cannot be pickled or copied: it stays in this process."

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Returns the text. Call it in the expression that needs it, so that no variable holds it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret('...')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)
