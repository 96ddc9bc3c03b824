"""What tells that the browser is on another computer than the kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

from cognito_jupyter.notebook.kernel import frontend
from cognito_jupyter.notebook.kernel.frontend import remote_kernel_reason


def test_on_a_computer_of_the_users_own_nothing_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even the variables of command line tools for remote services."""
    for name in ("CODER_URL", "CODER_SESSION_TOKEN", "DATABRICKS_HOST", "DATABRICKS_TOKEN", "KUBECONFIG"):
        monkeypatch.setenv(name, "x")
    assert remote_kernel_reason(None) is None


@pytest.mark.parametrize(
    ("variable", "reason"),
    [
        ("JUPYTERHUB_USER", "JupyterHub"),
        ("SSH_CONNECTION", "ssh"),
        ("CODESPACES", "Codespace"),
        ("REMOTE_CONTAINERS", "development container"),
        ("COLAB_RELEASE_TAG", "Colab"),
        ("SAGEMAKER_APP_TYPE", "SageMaker"),
        ("GITPOD_WORKSPACE_ID", "Gitpod"),
        ("CODER_WORKSPACE_NAME", "Coder"),
        ("CODE_SERVER_SESSION_SOCKET", "code-server"),
        ("DATABRICKS_RUNTIME_VERSION", "Databricks"),
        ("KUBERNETES_SERVICE_HOST", "Kubernetes"),
    ],
)
def test_a_variable_of_the_service_does(monkeypatch: pytest.MonkeyPatch, variable: str, reason: str) -> None:
    monkeypatch.setenv(variable, "x")
    found = remote_kernel_reason(None)
    assert found is not None
    assert reason in found
    assert remote_kernel_reason(setting=False) is None


def test_the_most_specific_service_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """JupyterHub, Coder and code-server often run in Kubernetes."""
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("CODER_WORKSPACE_NAME", "ws")
    assert remote_kernel_reason(None) == "it runs in a Coder workspace"


@pytest.mark.parametrize("index", [0, 1], ids=["notebook instance", "Studio"])
def test_sagemaker_is_known_by_its_files_where_it_sets_no_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, index: int
) -> None:
    files = (tmp_path / "version.txt", tmp_path / "resource-metadata.json")
    monkeypatch.setattr(frontend, "_SAGEMAKER_FILES", files)
    assert remote_kernel_reason(None) is None
    files[index].touch()
    assert remote_kernel_reason(None) == "it runs in SageMaker"
