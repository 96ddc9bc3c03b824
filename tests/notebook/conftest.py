"""A fresh kernel for each test that does anything in it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from jupyter_client.provisioning.factory import KernelProvisionerFactory

from cognito_jupyter.demo.jupyterlab import clean_environment
from cognito_jupyter.local import LocalCognito
from tests.support.forked_kernels import WITHOUT_LIBRARIES
from tests.support.notebook import Notebook, started_notebook


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves the tests without a kernel out of `nox -s kernel6`: there they would run again what `tests` runs."""
    if WITHOUT_LIBRARIES not in os.environ:
        return
    left_out = [item for item in items if not _has_kernel(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if _has_kernel(item)]


def _has_kernel(item: pytest.Item) -> bool:
    return "environment" in getattr(item, "fixturenames", ())


@pytest.fixture(autouse=True)
def name_kernels_environment(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that starts a kernel without the fixture `environment` fails: `nox -s kernel6` would leave it out."""
    if not _has_kernel(request.node):
        nothing = "none, because this test does not use the fixture `environment`"
        monkeypatch.setattr(KernelProvisionerFactory.instance(), "default_provisioner_name", nothing)


@pytest.fixture(autouse=True)
def import_libraries_before(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kernel of `nox -s kernel6` without the mark would spend half of its processor time on these imports."""
    if request.node.get_closest_marker("first_login") is None:
        monkeypatch.delenv(WITHOUT_LIBRARIES, raising=False)


@pytest.fixture
def environment(cognito: LocalCognito, tmp_path: Path) -> dict[str, str]:
    """The environment of a kernel: this Cognito, and none of the developer's own settings."""
    return clean_environment(tmp_path / "settings", cognito.environment)


@pytest.fixture
def notebook(cognito: LocalCognito, environment: dict[str, str]) -> Iterator[Notebook]:
    with started_notebook(cognito, environment) as notebook:
        yield notebook


@pytest.fixture(scope="module")
def start_once() -> Iterator[Callable[[LocalCognito, dict[str, str]], Notebook]]:
    """Starts a notebook at the first call; later ones return the same, until the module's tests have run."""
    started: list[Notebook] = []
    with ExitStack() as stack:

        def start(cognito: LocalCognito, environment: dict[str, str]) -> Notebook:
            if not started:
                started.append(stack.enter_context(started_notebook(cognito, environment)))
            return started[0]

        yield start


@pytest.fixture
def unchanged_notebook(
    cognito: LocalCognito,
    environment: dict[str, str],
    start_once: Callable[[LocalCognito, dict[str, str]], Notebook],
) -> Iterator[Notebook]:
    """A notebook for the tests of a module that sign in nowhere and leave it as it was, as those of wrong arguments."""
    notebook = start_once(cognito, environment)
    yield notebook
    assert notebook.user.login_count == 0
    assert notebook.value("{'session', 'cognito'} & set(globals())") == "set()"
