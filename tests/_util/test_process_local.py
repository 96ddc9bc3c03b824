"""Values that each process makes for itself."""

from __future__ import annotations

import os
import threading

from cognito_jupyter._util.process_local import ProcessLocal


def test_all_threads_of_a_process_get_the_same_instance() -> None:
    local: ProcessLocal[object] = ProcessLocal(object)
    assert local.peek() is None
    got: list[object] = []
    threads = [threading.Thread(target=lambda: got.append(local())) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, got))) == 1
    assert local.peek() is got[0]


def test_a_forked_child_makes_its_own_instance() -> None:
    local: ProcessLocal[object] = ProcessLocal(object)
    mine = local()
    child = os.fork()
    if child == 0:
        os._exit(0 if local.peek() is None and local() is not mine else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert local() is mine
