"""The first message of a panel, without which the kernel never replies to it."""

from __future__ import annotations

import time

from tests.support.notebook import Notebook
from tests.support.polling import wait_until

# Reads the socket's events and does not act on them, as ipykernel 7.0 to 7.3 do when they send a cell's reply.
_MISSES_MESSAGES = """
import threading, time, zmq, cognito_jupyter
kernel = get_ipython().kernel
thread = getattr(kernel, "shell_channel_thread", None)
def miss():
    time.sleep(2)
    kernel.shell_stream.socket.get(zmq.EVENTS)
if thread is not None:
    threading.Timer(0.5, thread.io_loop.add_callback, [miss]).start()
panel = cognito_jupyter.LoginPanel()
print(panel._view.comm.comm_id)
panel
"""


def test_a_panel_is_served_although_the_kernel_missed_its_first_message(notebook: Notebook) -> None:
    """Otherwise it shows the placeholder for a panel without a kernel, although its kernel runs."""
    client = notebook.kernel.client
    comm = notebook.text(_MISSES_MESSAGES).split()[0]
    time.sleep(1.5)
    seen = {"comm_id": comm, "data": {"method": "custom", "content": {"seen": True}}}
    client.shell_channel.send(client.session.msg("comm_msg", seen))
    heads = []

    def has_replied() -> bool:
        message = notebook.kernel.next_message()
        if message is not None and message["msg_type"] == "comm_msg" and message["content"]["comm_id"] == comm:
            heads.append(message["content"]["data"]["content"]["head"])
        return bool(heads)

    wait_until(has_replied)
    assert "You are not signed in" in heads[0]
