"""Python on Linux that looks like Windows or macOS to the modules of cognito_jupyter and of its tests.

Only these modules see it: each is run with builtins of its own, whose `__import__` returns altered modules in place of
`os`, `sys`, `socket` and others. The standard library and all other packages see Linux, and work as there. What a
module does through another package (filelock, urllib3) is therefore Linux's.

`tests.systems.simulation` starts a process with it. The variables that it sets:

    SIMULATED_SYSTEM    windows or macos; without it nothing is changed
    SIMULATED_WITHOUT   names of effects to leave out, separated by commas: clocks, file_sharing, waits, encodings
    SIMULATED_LOG       a file that gets one line for each thing that would go wrong there, but cannot be shown here
    SIMULATED_HOME      the folder of the simulated user; the variables of Windows (LOCALAPPDATA ...) lead into it

Everything here uses only the standard library: it also runs in processes that were started with `-I -S`.
"""

from __future__ import annotations

from .installation import install

__all__ = ["install"]
