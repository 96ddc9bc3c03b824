"""New notebooks, each with its own kernel, which was started in advance."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from pathlib import Path

import requests

from cognito_jupyter.demo.jupyterlab import JupyterLab
from tests.support.polling import TEST_TIMEOUT

NEWEST = "python3"
"""The kernel of the environment in which JupyterLab runs: the newest ipykernel."""


class KernelPool:
    """Makes notebooks. A kernel takes a second to start, so the next one starts while a test still runs.

    Args:
        lab: JupyterLab.
        folder: The folder that it shows.
    """

    def __init__(self, lab: JupyterLab, folder: Path) -> None:
        self._lab = lab
        self._folder = folder
        self._spare: dict[str, list[Path]] = {}
        self._sessions: dict[Path, str] = {}

    def create_notebook(self, sources: Sequence[str], kernel: str) -> Path:
        """Returns a new notebook with these cells."""
        ready = self._spare.setdefault(kernel, [])
        path = ready.pop() if ready else self._start_kernel(kernel)
        path.write_text(json.dumps(notebook_json(sources, kernel)), encoding="utf-8")
        return path

    def start_spare_kernel(self, kernel: str) -> None:
        """Starts the kernel of the next notebook."""
        if not self._spare.get(kernel):
            self._spare.setdefault(kernel, []).append(self._start_kernel(kernel))

    def shut_down_kernel_of(self, path: Path) -> None:
        """Shuts down the kernel of a notebook that this pool did not make."""
        for session in self.send_request("GET", "api/sessions").json():
            if session["path"] == path.name:
                self.send_request("DELETE", f"api/sessions/{session['id']}")

    def shut_down_kernel(self, path: Path) -> None:
        """Shuts down a notebook's kernel, if the test has not done so."""
        session = self._sessions.pop(path)
        if any(each["id"] == session for each in self.send_request("GET", "api/sessions").json()):
            self.send_request("DELETE", f"api/sessions/{session}")

    def send_request(self, method: str, route: str, **body: object) -> requests.Response:
        """Sends a request to Jupyter Server."""
        headers = {"Authorization": f"token {self._lab.token}"}
        response = requests.request(
            method, f"{self._lab.url}{route}", headers=headers, json=body or None, timeout=TEST_TIMEOUT
        )
        response.raise_for_status()
        return response

    def _start_kernel(self, kernel: str) -> Path:
        path = self._folder / f"{uuid.uuid4().hex}.ipynb"
        path.write_text(json.dumps(notebook_json((), kernel)), encoding="utf-8")
        session = self.send_request(
            "POST", "api/sessions", path=path.name, name=path.name, type="notebook", kernel={"name": kernel}
        )
        self._sessions[path] = session.json()["id"]
        return path


def notebook_json(sources: Sequence[str], kernel: str) -> dict[str, object]:
    cells: list[dict[str, object]] = [
        {"cell_type": "code", "id": f"c{i}", "metadata": {}, "source": source, "outputs": [], "execution_count": None}
        for i, source in enumerate(sources)
    ]
    spec = {"display_name": kernel, "language": "python", "name": kernel}
    return {"cells": cells, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5}
