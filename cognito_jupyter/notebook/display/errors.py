"""How an error reaches the person in a cell: as one line, without a traceback, and the cells after it do not run."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from typing import TypeVar

from IPython.core.error import StdinNotImplementedError, UsageError

from ...errors import CognitoError, LoginCancelledError, LoginError, SettingError

_Magics = TypeVar("_Magics")


def one_line_errors(magic: Callable[[_Magics, str], None]) -> Callable[[_Magics, str], None]:
    """Makes a magic end in one clear line where it would end in a traceback.

    The stop button counts as an error of ours: a bare KeyboardInterrupt would show a traceback. So does IPython's
    UsageError, which nbconvert passes on without its message.
    """

    @functools.wraps(magic)
    def wrapper(self: _Magics, line: str) -> None:
        failure: CognitoError | None = None
        try:
            magic(self, line)
        except CognitoError as error:
            failure = error
        except UsageError as error:
            failure = SettingError(f"{str(error).strip().rstrip('.')}.", f"%{magic.__name__}? shows what it takes.")
        except StdinNotImplementedError:
            failure = no_interactive_frontend()
        except KeyboardInterrupt:
            failure = LoginCancelledError("Stopped.", "Nothing has changed; run the cell again when you like.")
        # Outside of the except blocks, or Python would chain the original, whose frames hold what was pasted.
        if failure is not None:
            raise without_traceback(failure)

    return wrapper


def without_traceback(error: CognitoError) -> CognitoError:
    """A fresh copy of an error, without traceback, cause and context, which IPython shows as its message alone."""
    copied = copy.copy(error)
    lines = [str(copied)]
    vars(copied)["_render_traceback_"] = lambda: lines
    return copied


def no_interactive_frontend() -> LoginError:
    """The error of a sign-in that nobody could finish: nbconvert, papermill, a script."""
    return LoginError(
        "Nobody is here to sign in: this notebook runs without a front end that can ask.",
        "Run it in JupyterLab, or sign in there first.",
    )
