"""The notebook about sharing, which needs all libraries, run from top to bottom, past an expiry."""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path

import pytest

from cognito_jupyter.demo.check import LinkFollower, code_cells
from cognito_jupyter.demo.demo import find_notebooks
from cognito_jupyter.demo.jupyterlab import clean_environment
from cognito_jupyter.demo.kernel import Kernel
from cognito_jupyter.local import LocalCognito

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

LIFETIME = 12.0
LIBRARIES = 16


def test_every_library_of_the_notebook_reads_the_same_rows_past_an_expiry(
    cognito: LocalCognito, tmp_path: Path
) -> None:
    cognito.knobs.credentials_seconds = LIFETIME
    environment = clean_environment(tmp_path, {**cognito.environment, "HOME": str(tmp_path), "BROWSER": "true"})
    install_duckdbs_extension(tmp_path)
    reader, began = LinkFollower(cognito), time.time()
    shown = []
    with Kernel(environment, folder=tmp_path) as kernel:
        for source in code_cells(find_notebooks() / "sharing.ipynb"):
            run = kernel.run_cell(source, on_output=reader.follow, timeout=120)
            assert run.error is None, f"{source}\n{run.error}"
            shown.append(run.text)
    assert reader.sign_ins == 1
    rounds = re.findall(r"round (\d): (\d+) libraries, (\d+) to (\d+) rows", "".join(shown))
    assert rounds == [(str(number), str(LIBRARIES), "360", "360") for number in (1, 2, 3)]
    keys = {each.access_key_id for each in cognito.aws.proxy.requests if each.path.endswith(cognito.data_key)}
    ends = [key.expires for key in map(cognito.aws.issued_keys.get, keys) if key is not None]
    assert [end for end in ends if began < end < time.time()]
    secrets = cognito.secrets | {key.session_token for key in map(cognito.aws.issued_keys.get, keys) if key is not None}
    assert not [secret for secret in secrets if secret in "".join(shown)]


def install_duckdbs_extension(home: Path) -> None:
    """Puts the extension where DuckDB looks for it, because otherwise it would download it."""
    import duckdb
    import duckdb_extension_httpfs

    file = next(Path(str(duckdb_extension_httpfs.__file__)).parent.rglob("*.duckdb_extension"))
    platform = duckdb.execute("PRAGMA platform").fetchall()[0][0]
    folder = home / ".duckdb" / "extensions" / f"v{duckdb.__version__}" / platform
    folder.mkdir(parents=True)
    shutil.copy(file, folder / file.name)
