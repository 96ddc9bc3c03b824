"""How a cell shows an error of this package: as one line without a traceback; the cells after it do not run.

The magics use `cognito_magic`; nothing here catches an error of the user's code.
"""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable
from typing import TypeVar

from IPython.core.error import StdinNotImplementedError, UsageError

from ..._util.terminal import encodable
from ...errors import CognitoError, LoginCancelledError, LoginError, SettingError, with_notes
from .ipython import line_magic, result_is_used

_Magics = TypeVar("_Magics")


def cognito_magic(magic: Callable[[_Magics, str], object]) -> Callable[[_Magics, str], object]:
    """Makes a method a line magic that ends with one line where it would end with a traceback.

    What the method returns goes to `session = %cognito_login`; IPython would show it below a line without assignment.

    The stop button becomes such a line too, as a bare KeyboardInterrupt would show a traceback; so does IPython's
    UsageError, which nbconvert passes on without its message.
    """

    @functools.wraps(magic)
    def wrapper(self: _Magics, line: str) -> object:
        failure: CognitoError
        try:
            result = magic(self, line)
            return result if result is not None and result_is_used(inspect.currentframe()) else None
        except CognitoError as error:
            failure = error
        except UsageError as error:
            failure = SettingError(f"{str(error).strip().rstrip('.')}.", f"%{magic.__name__}? shows its arguments.")
        except StdinNotImplementedError:
            failure = no_interactive_frontend()
        except KeyboardInterrupt:
            failure = LoginCancelledError("Stopped.", "Nothing has changed; run the cell again when you like.")
        # Outside of the except blocks, or Python would chain the original, whose frames hold what was pasted.
        # A copy has no traceback, cause and context.
        shown = copy.copy(failure)
        lines = [encodable(with_notes(failure))]
        # IPython calls this method, where an exception has it, to render the traceback.
        vars(shown)["_render_traceback_"] = lambda: lines
        raise shown

    return line_magic(wrapper)


def captured_output() -> LoginError:
    """Returns the error of a login in a cell whose output reaches no user: the link would be hidden, too."""
    return LoginError(
        "This cell's output is captured, so you would not see the link to sign in.",
        "Run %cognito_login in a cell of its own, without %%capture.",
    )


def no_interactive_frontend() -> LoginError:
    """Returns the error of a login that no user can finish: in nbconvert, in papermill, in a script."""
    return LoginError(
        "No user can sign in here: this notebook runs without an interactive front end.",
        "Run it in JupyterLab, or sign in there first.",
    )
