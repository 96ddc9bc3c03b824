"""The notebook about Spark, run from top to bottom, past an expiry."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from cognito_jupyter.demo.check import LinkFollower, code_cells
from cognito_jupyter.demo.demo import find_notebooks
from cognito_jupyter.demo.jupyterlab import clean_environment
from cognito_jupyter.demo.kernel import Kernel
from cognito_jupyter.local import LocalCognito

from .applications import spark_environment

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

LIFETIME = 8.0
AFTER_LOGOUT = """
try:
    stars.collect()
except Exception as error:
    print(share.closed, "No AWS Credentials" in str(error))
"""


def test_the_queries_of_the_notebook_read_the_same_past_an_expiry_until_the_logout(
    cognito: LocalCognito, tmp_path: Path
) -> None:
    cognito.knobs.credentials_seconds = LIFETIME
    cognito.aws.proxy.requests.clear()
    spark = spark_environment(cognito, tmp_path)
    environment = clean_environment(
        tmp_path, {**cognito.environment, "HOME": str(tmp_path), "BROWSER": "true", **spark}
    )
    reader, began = LinkFollower(cognito), time.time()
    shown = []
    with Kernel(environment, folder=tmp_path) as kernel:
        for source in code_cells(find_notebooks() / "spark.ipynb"):
            run = kernel.run_cell(source, on_output=reader.follow, timeout=120)
            assert run.error is None, f"{source}\n{run.error}"
            shown.append(run.text)
            if source == "%cognito_logout":
                assert kernel.run_cell(AFTER_LOGOUT, timeout=120).text.endswith("True True\n")
    assert reader.sign_ins == 1
    assert re.findall(r"round (\d): (\d+) stars, as before", "".join(shown)) == [
        (f"{each}", "12") for each in (1, 2, 3)
    ]
    assert "cognito-jupyter-Analyst, with the Spark application at local[2]; keys until" in "".join(shown)
    requests = list(cognito.aws.proxy.requests)
    keys = [cognito.aws.issued_keys.get(key) for key in {request.access_key_id for request in requests}]
    assert [key for key in keys if key is not None and began < key.expires < time.time()]
    secrets = cognito.secrets | {key.session_token for key in keys if key is not None}
    assert not [secret for secret in secrets if secret in "".join(shown)]
