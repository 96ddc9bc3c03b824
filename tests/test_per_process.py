"""What each process has for itself."""

from __future__ import annotations

import os
import threading

from cognito_jupyter.per_process import PerProcess


def test_one_process_has_one_whoever_asks_first() -> None:
    held: PerProcess[object] = PerProcess(object)
    assert held.made() is None
    got: list[object] = []
    threads = [threading.Thread(target=lambda: got.append(held())) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, got))) == 1
    assert held.made() is got[0]


def test_a_forked_child_has_another_and_leaves_its_parents_alone() -> None:
    held: PerProcess[object] = PerProcess(object)
    mine = held()
    child = os.fork()
    if child == 0:
        os._exit(0 if held.made() is None and held() is not mine else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert held() is mine
