"""Loads the magics into a shell and unloads them; the package's `load_ipython_extension` calls it.

After unloading, the shell is as it was before loading.
"""

from __future__ import annotations

from IPython.core.interactiveshell import InteractiveShell

from .magics import CognitoMagics

_COMPLETION_HOOK = "complete_command"
_BEFORE_CELL = "pre_run_cell"


def load(shell: InteractiveShell) -> None:
    """Registers the magics and their completers; a second call changes nothing."""
    if CognitoMagics.__name__ in shell.magics_manager.registry:
        return
    magics = CognitoMagics(shell)
    shell.register_magics(magics)
    magics.autoreload_exclusion.exclude_modules()
    shell.events.register(_BEFORE_CELL, magics.autoreload_exclusion.exclude_modules)
    for magic, completer in magics.completers.items():
        shell.set_hook(_COMPLETION_HOOK, completer, str_key=magic)  # type: ignore[no-untyped-call]


def unload(shell: InteractiveShell) -> None:
    """Ends a running login and removes the variables that are unchanged, the magics, their completers and their traits.

    It signs no user out; `%cognito_logout` does that.
    """
    magics = shell.magics_manager.registry.get(CognitoMagics.__name__)
    if not isinstance(magics, CognitoMagics):
        return
    if "state" in vars(magics):
        magics.state.close()
    shell.events.unregister(_BEFORE_CELL, magics.autoreload_exclusion.exclude_modules)
    # The chains that `set_hook` made; IPython has no public method that removes a hook.
    chains = shell.strdispatchers[_COMPLETION_HOOK].strs
    for magic, completer in magics.completers.items():
        if magic in chains:
            entries = chains[magic].chain
            chains[magic].chain = [each for each in entries if getattr(each[1], "__func__", None) is not completer]
            if not chains[magic].chain:
                del chains[magic]
    manager = shell.magics_manager
    for kind, names in magics.magics.items():
        for name, function in names.items():
            # The user may have registered another magic under this name since.
            if manager.magics[kind].get(name) == function:
                del manager.magics[kind][name]
    del manager.registry[CognitoMagics.__name__]
    shell.configurables.remove(magics)  # type: ignore[arg-type]  # IPython annotates it too narrowly
