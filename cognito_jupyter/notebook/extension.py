"""Loads the magics into a shell and unloads them; the package's `load_ipython_extension` calls it.

After unloading, the shell is as it was before loading.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .completion import install_completers, remove_completers
from .display.ipython import configurables
from .magics import CognitoMagics

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def load(shell: InteractiveShell) -> None:
    """Registers the magics and their completers; a second call changes nothing."""
    if CognitoMagics.__name__ in shell.magics_manager.registry:
        return
    magics = CognitoMagics(shell)
    shell.register_magics(magics)
    install_completers(shell, magics.completers)


def unload(shell: InteractiveShell) -> None:
    """Ends a running login and removes the variables that are unchanged, the magics, their completers and their traits.

    It signs no user out; `%cognito_logout` does that.
    """
    magics = shell.magics_manager.registry.get(CognitoMagics.__name__)
    if not isinstance(magics, CognitoMagics):
        return
    if "state" in vars(magics):
        magics.state.close()
    remove_completers(shell, magics.completers)
    manager = shell.magics_manager
    for kind, names in magics.magics.items():
        for name, function in names.items():
            # The user may have registered another magic under this name since.
            if manager.magics[kind].get(name) == function:
                del manager.magics[kind][name]
    del manager.registry[CognitoMagics.__name__]
    configurables(shell).remove(magics)
