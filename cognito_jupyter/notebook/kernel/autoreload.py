"""Keeps `%autoreload` away from this package, whose panels, logins and sessions live as long as the kernel.

IPython's reloader executes a changed module again, and changes the classes of existing objects as far as it can. A
sign-in that is in use then consists of two versions of this package, whose classes do not know each other: logins end
in errors, and panels stay as they are. So the package that a kernel has loaded stays in use until the kernel restarts.
"""

from __future__ import annotations

import sys

from IPython.core.interactiveshell import InteractiveShell

_PACKAGE = __name__.partition(".")[0]


class AutoreloadExclusion:
    """Excludes this package's modules from `%autoreload`, as `%aimport -MODULE` does.

    Args:
        shell: The shell.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._autoreload: object = None
        self._excluded: set[str] = set()

    def exclude_modules(self, *_: object) -> None:
        """Excludes the modules that are imported by now; called before each cell, as either may be loaded first.

        The reloader only notes the time of a module that it meets for the first time, and reloads it at a later cell.
        """
        autoreload = self._shell.magics_manager.registry.get("AutoreloadMagics")
        if autoreload is None:
            return
        if autoreload is not self._autoreload:
            self._autoreload, self._excluded = autoreload, set()
        names = {name for name in sys.modules if name == _PACKAGE or name.startswith(f"{_PACKAGE}.")}
        for name in names - self._excluded:
            self._shell.run_line_magic("aimport", f"-{name}")
        self._excluded |= names
