"""Loads the magics into a shell and unloads them; the package's `load_ipython_extension` calls it.

After unloading, the shell is as it was before loading.
"""

from __future__ import annotations

from IPython.core.interactiveshell import InteractiveShell

from .magics import CognitoMagics

_BEFORE_CELL, _AFTER_CELL = "pre_run_cell", "post_run_cell"


def load(shell: InteractiveShell) -> None:
    """Registers the magics and their completers; a second call changes nothing."""
    if CognitoMagics.__name__ in shell.magics_manager.registry:
        return
    magics = CognitoMagics(shell)
    shell.register_magics(magics)
    magics.autoreload_exclusion.exclude_modules()
    shell.events.register(_BEFORE_CELL, magics.autoreload_exclusion.exclude_modules)
    shell.events.register(_BEFORE_CELL, magics.thread_cells.on_cell_start)
    shell.events.register(_AFTER_CELL, magics.thread_cells.on_cell_end)
    # A hook of "complete_command" would be shown after all that jedi finds, which knows nothing of magics.
    if shell.Completer is not None:
        shell.Completer.custom_matchers.append(magics.completer)


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
    shell.events.unregister(_BEFORE_CELL, magics.thread_cells.on_cell_start)
    shell.events.unregister(_AFTER_CELL, magics.thread_cells.on_cell_end)
    matchers = getattr(shell.Completer, "custom_matchers", [])
    if magics.completer in matchers:
        matchers.remove(magics.completer)
    manager = shell.magics_manager
    for kind, names in magics.magics.items():
        for name, function in names.items():
            # The user may have registered another magic under this name since.
            if manager.magics[kind].get(name) == function:
                del manager.magics[kind][name]
    del manager.registry[CognitoMagics.__name__]
    shell.configurables.remove(magics)  # type: ignore[arg-type]  # IPython annotates it too narrowly
