"""New notebooks, each with a kernel of its own that was started before anybody asked for it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from pathlib import Path

import requests

from cognito_jupyter.local.lab import Lab

NEWEST = "python3"
"""The kernel of the environment in which JupyterLab runs: the newest ipykernel."""


class Shelf:
    """Makes notebooks; a kernel takes a second to start, so the next one starts while a test still runs.

    Args:
        lab: JupyterLab.
        folder: What it shows.
    """

    def __init__(self, lab: Lab, folder: Path) -> None:
        self._lab = lab
        self._folder = folder
        self._ready: dict[str, list[Path]] = {}
        self._sessions: dict[Path, str] = {}

    def take(self, sources: Sequence[str], kernel: str) -> Path:
        """A new notebook with these cells."""
        ready = self._ready.setdefault(kernel, [])
        path = ready.pop() if ready else self._begin(kernel)
        path.write_text(json.dumps(notebook_of(sources, kernel)), encoding="utf-8")
        return path

    def prepare(self, kernel: str) -> None:
        """Starts the kernel of a notebook that is taken later."""
        if not self._ready.get(kernel):
            self._ready.setdefault(kernel, []).append(self._begin(kernel))

    def end_kernel_of(self, path: Path) -> None:
        """Ends the kernel of a notebook that was opened by itself."""
        for session in self.request("GET", "api/sessions").json():
            if session["path"] == path.name:
                self.request("DELETE", f"api/sessions/{session['id']}")

    def end(self, path: Path) -> None:
        """Ends a notebook's kernel, where the test has not done so."""
        session = self._sessions.pop(path)
        if any(each["id"] == session for each in self.request("GET", "api/sessions").json()):
            self.request("DELETE", f"api/sessions/{session}")

    def request(self, method: str, where: str, **what: object) -> requests.Response:
        """Asks Jupyter Server."""
        headers = {"Authorization": f"token {self._lab.token}"}
        answer = requests.request(method, f"{self._lab.url}{where}", headers=headers, json=what or None, timeout=30)
        answer.raise_for_status()
        return answer

    def _begin(self, kernel: str) -> Path:
        path = self._folder / f"{uuid.uuid4().hex}.ipynb"
        path.write_text(json.dumps(notebook_of((), kernel)), encoding="utf-8")
        session = self.request(
            "POST", "api/sessions", path=path.name, name=path.name, type="notebook", kernel={"name": kernel}
        )
        self._sessions[path] = session.json()["id"]
        return path


def notebook_of(sources: Sequence[str], kernel: str) -> dict[str, object]:
    cells: list[dict[str, object]] = [
        {"cell_type": "code", "id": f"c{i}", "metadata": {}, "source": source, "outputs": [], "execution_count": None}
        for i, source in enumerate(sources)
    ]
    spec = {"display_name": kernel, "language": "python", "name": kernel}
    return {"cells": cells, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5}
