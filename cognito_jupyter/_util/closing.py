"""Two base classes: what is closed after use, and what is never pickled.

Light: the credential process of AWS's tools loads this module at each start.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing itself takes longer to load than this module
if TYPE_CHECKING:
    from typing import NoReturn, Self


class Closeable:
    """A context manager that calls `close()` at the end of the `with` statement."""

    __slots__ = ()

    def close(self) -> None:
        """Releases what the object holds; a second call does nothing."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class NotPicklable:
    """An object that refuses to be pickled or copied, because it holds secrets or belongs to one process.

    Attributes:
        pickle_error: The message of the TypeError; each subclass sets its own.
    """

    __slots__ = ()

    pickle_error = "This object is not pickled or copied."

    def __reduce__(self) -> NoReturn:
        raise TypeError(self.pickle_error)
