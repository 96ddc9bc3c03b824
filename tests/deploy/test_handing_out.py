"""What docs/administrators.md gives to all users: where the files lie, and the lines that load the extension."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cognito_jupyter.settings.toml_file import system_paths, user_path

ADMINISTRATORS = Path(__file__).parents[2] / "docs" / "administrators.md"


def test_the_lines_load_the_extension_beside_those_of_the_user(tmp_path: Path) -> None:
    """The environment's file comes before the user's, which appends to the same list."""
    found = re.search(
        r"\*\*`ipython_config.py`\*\*.*?```python\n(.*?)```", ADMINISTRATORS.read_text("utf-8"), re.DOTALL
    )
    assert found is not None
    own = found[1].replace("cognito_jupyter", "storemagic")
    prefix, ipython = tmp_path / "environment", tmp_path / "ipython"
    for folder, text in ((prefix / "etc" / "ipython", found[1]), (ipython / "profile_default", own)):
        folder.mkdir(parents=True)
        (folder / "ipython_config.py").write_text(text)
    code = f"""\
import sys
prefix, sys.prefix = sys.prefix, {str(prefix)!r}
import IPython.core.application
sys.prefix = prefix
IPython.start_ipython(["-c", "print(sorted(get_ipython().extension_manager.loaded))"])
"""
    run = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"IPYTHONDIR": str(ipython)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert run.stdout.strip() == "['IPython.extensions.storemagic', 'cognito_jupyter']", run.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="the table's other rows are for other systems")
def test_the_folders_are_those_that_are_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COGNITO_JUPYTER_FOLDER", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS"):
        monkeypatch.delenv(name)
    row = next(
        line for line in ADMINISTRATORS.read_text("utf-8").splitlines() if line.startswith("| Linux, containers |")
    )
    everybody, one_user = re.findall(r"`(.+?)`", row)
    assert Path(everybody) in {path.parent for path in system_paths()}
    assert Path(one_user).expanduser() == user_path().parent
