"""Keeps secrets out of reprs, and of tracebacks that show variables. `logs` does the same for logs.

`SecretText` is a str whose repr does not show it: tokens, codes, verifiers and keys are of this type from where they
arrive to where they are sent, because IPython's verbose tracebacks, rich, cgitb and `capture_locals` show the repr of
every variable. It is a str because the public functions promise one; `Secret`, for what no caller needs as a str, is
none. `redacted` makes a dict of such texts.

The texts that Python's own functions make of a `SecretText` (`str(...)`, an f-string, `encode`) are plain: make them in
the expression that needs them, so that no variable holds them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self, SupportsIndex, TypeVar, cast

from .closing import NotPicklable

PICKLE_ERROR = "Tokens and credentials are not pickled or stored (%store): they stay in this process."
_HARMLESS = frozenset({"expiration", "scope", "token_type", "IdentityId"})
_Shape = TypeVar("_Shape", bound=Mapping[str, object])


class SecretText(str):
    """A str that no repr shows, and that is not pickled; it works as any other otherwise, printed too.

    Its parts are of the same type. A copy of it is itself, as of every str.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "'...'"

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        raise TypeError(PICKLE_ERROR)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __getitem__(self, key: SupportsIndex | slice) -> Self:
        return type(self)(super().__getitem__(key))

    def __iter__(self) -> Iterator[Self]:
        return map(type(self), super().__iter__())

    def __add__(self, other: str) -> Self:
        return type(self)(super().__add__(other))

    def __radd__(self, other: str) -> Self:
        return type(self)(str.__add__(other, self))

    def strip(self, chars: str | None = None, /) -> Self:
        """Returns the same without white space, or other characters, at its ends."""
        return type(self)(super().strip(chars))

    def split(self, sep: str | None = None, maxsplit: SupportsIndex = -1) -> list[Self]:  # type: ignore[override] # typeshed
        """Returns the parts between separators.

        Args:
            sep: The separator; None: white space.
            maxsplit: How often to split at most; -1: at each separator.
        """
        return [type(self)(part) for part in super().split(sep, maxsplit)]

    def partition(self, sep: str, /) -> tuple[Self, Self, Self]:
        """Returns what stands before the separator, the separator, and what follows it."""
        before, separator, after = (type(self)(part) for part in super().partition(sep))
        return before, separator, after


class SecretBytes(bytes):
    """Bytes that no repr shows: the content of a file with secrets, or a message with them."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "b'...'"


class SigningSecret(SecretText):
    """The same for what libraries pass on to their workers to sign requests with: it is pickled, as a plain str."""

    __slots__ = ()

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        return str, (str(self),)


class RedactedDict(dict[str, object]):
    """A dict whose repr shows only its keys, and whose copies and views show no secret; it is not pickled.

    Each text in it is a `SecretText`, except for the few that are known to be harmless.

    Args:
        shape: What it holds.

    Attributes:
        text_type: The type of its texts.
    """

    text_type: type[SecretText] = SecretText

    def __init__(self, shape: Mapping[str, object] | Iterable[tuple[str, object]] = (), /) -> None:
        super().__init__()
        self.update(shape)

    def __repr__(self) -> str:
        return "{" + ", ".join(f"{key!r}: '...'" for key in self) + "}"

    def __setitem__(self, key: str, value: object) -> None:
        super().__setitem__(key, self._secret_text(key, value))

    def update(  # type: ignore[override] # typeshed's overloads
        self, shape: Mapping[str, object] | Iterable[tuple[str, object]] = (), /, **values: object
    ) -> None:
        """Adds or replaces values.

        Args:
            shape: New values by their keys.
            values: The same.
        """
        super().update({key: self._secret_text(key, value) for key, value in dict(shape, **values).items()})

    def setdefault(self, key: str, default: object = None, /) -> object:
        """Returns the value of a key, after setting it if there is none.

        Args:
            key: The key.
            default: The value to set.
        """
        return super().setdefault(key, self._secret_text(key, default))

    def copy(self) -> Self:
        """Returns a copy that redacts as well."""
        return type(self)(self)

    def __copy__(self) -> Self:
        return self.copy()

    def __deepcopy__(self, memo: object) -> Self:
        return self.copy()

    def __or__(self, other: Mapping[str, object]) -> Self:  # type: ignore[override] # typeshed's overloads
        return type(self)({**self, **other}) if isinstance(other, dict) else NotImplemented

    def __ror__(self, other: Mapping[str, object]) -> Self:  # type: ignore[override] # typeshed's overloads
        return type(self)({**other, **self}) if isinstance(other, dict) else NotImplemented

    def __ior__(self, other: Mapping[str, object] | Iterable[tuple[str, object]]) -> Self:  # type: ignore[override] # as above
        self.update(other)
        return self

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        raise TypeError(PICKLE_ERROR)

    def _secret_text(self, key: str, value: object) -> object:
        if not isinstance(value, str) or key in _HARMLESS or type(value) is self.text_type:
            return value
        return self.text_type(value)


class RedactedVariables(RedactedDict):
    """The same for environment variables, which may be passed on to another process: it is pickled, as a plain dict."""

    text_type = SigningSecret

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        return dict, (dict(self),)


def redacted(shape: _Shape) -> _Shape:
    """Returns the same mapping as a `RedactedDict`; the static type is kept."""
    return cast("_Shape", RedactedDict(shape))


_Error = TypeVar("_Error", bound=BaseException)


def without_frames(error: _Error) -> _Error:
    """Returns an error without the frames that it has passed, and without the errors that it came from.

    Raise it where a library below has held secrets in variables of its own: `raise without_frames(error)`.
    """
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


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
