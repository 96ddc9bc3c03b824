"""What is imported when: the profiles of docs/benchmarks.md, by `python -X importtime`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_MARK = "imports of the moment that is profiled"
_BEGIN = f"import sys; print({_MARK!r}, file=sys.stderr, flush=True)\n"
_LINE = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s*(\S+)")
_SHOWN = 6
_IPYTHON = "from IPython.core.interactiveshell import InteractiveShell\nshell = InteractiveShell.instance()\n"


@dataclass(frozen=True)
class Moment:
    """A moment at which modules are imported.

    Attributes:
        name: What happens.
        why: Why it imports what it does.
        before: What has been run before.
        code: What is run.
    """

    name: str
    why: str
    before: str
    code: str


MOMENTS = (
    Moment(
        "`%load_ext cognito_jupyter`",
        "the magics, their options and their traits; all else waits until a magic runs",
        _IPYTHON,
        'shell.run_line_magic("load_ext", "cognito_jupyter")',
    ),
    Moment(
        "the link of the first `%cognito_login`",
        "the login, its listener and the settings; the panel needs ipywidgets and anywidget",
        f'{_IPYTHON}shell.run_line_magic("load_ext", "cognito_jupyter")\n',
        "import cognito_jupyter.notebook.login, cognito_jupyter.oauth.login\n"
        "import cognito_jupyter.notebook.display.login_prompt, cognito_jupyter.notebook.kernel.widget_check\n"
        "import cognito_jupyter.settings.resolve, cognito_jupyter.notebook.panel.widget\n"
        "import cognito_jupyter.notebook.panel.view",
    ),
    Moment(
        "while the user signs in",
        "in the login's thread: what the exchange of the code, its verification and the session need",
        f'{_IPYTHON}shell.run_line_magic("load_ext", "cognito_jupyter")\n'
        "import cognito_jupyter.notebook.login, cognito_jupyter.oauth.login\n"
        "import cognito_jupyter.notebook.display.login_prompt, cognito_jupyter.notebook.kernel.widget_check\n"
        "import cognito_jupyter.settings.resolve, cognito_jupyter.notebook.panel.widget\n",
        "import cognito_jupyter.credentials.manager, cognito_jupyter.credentials.store.store\n"
        "import cognito_jupyter.oauth.transport, cognito_jupyter.oauth.verification",
    ),
    Moment(
        "a restarted kernel with a stored sign-in",
        "boto3, what reads the file, and what the cell displays; requests waits for the first refresh of the tokens",
        f'{_IPYTHON}shell.run_line_magic("load_ext", "cognito_jupyter")\n',
        "import cognito_jupyter.notebook.login, cognito_jupyter.settings.resolve\n"
        "import cognito_jupyter.credentials.manager, cognito_jupyter.credentials.store.store",
    ),
    Moment(
        "`cognito-jupyter credential-process`",
        "nothing that Python itself has not loaded, but a checksum",
        "",
        "import cognito_jupyter.cli.main, cognito_jupyter.cli.credential_process",
    ),
)


def table() -> str:
    """Returns the profiles as a table in Markdown."""
    head = "| moment | modules | ms | of these, ms | why |\n|---|---|---|---|---|\n"
    return head + "".join(_row(moment, profile(moment)) for moment in MOMENTS)


def profile(moment: Moment) -> Mapping[str, float]:
    """Returns the milliseconds of each module that is imported at a moment; a module's own, without what it imports.

    The profiler itself slows imports down. Compiled modules are used: the second of two runs counts.

    Args:
        moment: The moment.
    """
    for _ in range(2):
        with tempfile.TemporaryDirectory() as home:
            command = [sys.executable, "-X", "importtime", "-c", f"{moment.before}{_BEGIN}{moment.code}"]
            environment = {**os.environ, "IPYTHONDIR": str(Path(home))}
            process = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    lines = process.stderr.partition(_MARK)[2].splitlines()
    return {found[2]: int(found[1]) / 1e3 for line in lines if (found := _LINE.match(line)) is not None}


def _row(moment: Moment, modules: Mapping[str, float]) -> str:
    packages: dict[str, float] = defaultdict(float)
    for name, milliseconds in modules.items():
        package = name.partition(".")[0]
        packages["the standard library" if package in sys.stdlib_module_names else package] += milliseconds
    largest = sorted(packages.items(), key=lambda each: -each[1])[:_SHOWN]
    shown = ", ".join(f"{package} {milliseconds:.1f}" for package, milliseconds in largest if milliseconds >= 0.05)
    return f"| {moment.name} | {len(modules)} | {sum(modules.values()):.1f} | {shown} | {moment.why} |\n"
