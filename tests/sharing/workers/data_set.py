"""A data set of PyTorch's whose items are read by the worker processes of a DataLoader."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch.utils.data import IterableDataset

from .worker_program import read_for


class ReadsOfWorkers(IterableDataset):
    """What each worker has read with, for some seconds.

    Args:
        seconds: How long each worker reads.
        client: The client of S3; None: each worker makes its own.
    """

    def __init__(self, seconds: float, client: Any = None) -> None:
        self._seconds, self._client = seconds, client

    def __iter__(self) -> Iterator[tuple[int, str]]:
        return read_for(self._seconds, self._client)
