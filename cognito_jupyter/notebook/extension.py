"""Loading into a shell and unloading again: after that the shell is as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import LoginError
from . import completion
from .display.ipython import configurables
from .magics import CognitoMagics

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def load(shell: InteractiveShell) -> None:
    """Adds the magics and what belongs to them; a second call changes nothing."""
    if loaded_magics(shell) is not None:
        return
    magics = CognitoMagics(shell)
    shell.register_magics(magics)
    completion.install_completers(shell, magics.completers)


def unload(shell: InteractiveShell) -> None:
    """Takes all of it away: a login on its way, the variables that are still ours, magics, completers and traits.

    Nobody is signed out by it; `%cognito_logout` does that.
    """
    magics = loaded_magics(shell)
    if magics is None:
        return
    if "state" in vars(magics):
        magics.state.close()
    completion.remove_completers(shell, magics.completers)
    manager = shell.magics_manager
    for kind, names in magics.magics.items():
        for name, function in names.items():
            # Somebody may have put a magic of their own under this name since.
            if manager.magics[kind].get(name) == function:
                del manager.magics[kind][name]
    del manager.registry[CognitoMagics.__name__]
    configurables(shell).remove(magics)


def require_magics(feature: str) -> CognitoMagics:
    """The magics of the shell that runs this, with the extension loaded if it was not.

    Args:
        feature: What needs it, to be named in the error.

    Raises:
        LoginError: There is no shell.
    """
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is None:
        raise LoginError(
            f"{feature} needs a notebook, and this program is none.",
            "Use it in a Jupyter front end; a program signs in by get_authenticated_cognito_manager.",
        )
    load(shell)
    magics = loaded_magics(shell)
    assert magics is not None  # noqa: S101 - it has just been loaded
    return magics


def loaded_magics(shell: InteractiveShell) -> CognitoMagics | None:
    """This shell's magics; None where the extension is not loaded."""
    magics = shell.magics_manager.registry.get(CognitoMagics.__name__)
    return magics if isinstance(magics, CognitoMagics) else None
