"""The browser in a real kernel: answered while a cell runs, and never by an exception in a callback."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from tests.requirements import missing

WAIT_S = 60.0
MAKE = """
from chatmem_nb import HistoryBrowser
from chatmem_nb.local.offline import local_server

store = local_server("upstash").store()
browser = HistoryBrowser(store)
print(browser.comm.comm_id)
browser
"""


WAIT_FOR_THE_PAGE = """
import time

browser.height = "400px"
while browser.session != "short-hello":
    time.sleep(0.02)
"""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BlockingKernelClient]:
    # Not TCP: another program can take a port between its choice and the start of the kernel.
    folder = tmp_path_factory.mktemp("kernel")
    manager = KernelManager(transport="ipc", connection_file=str(folder / "kernel.json"))
    manager.start_kernel(extra_arguments=["--IPKernelApp.log_level=50"])
    client = manager.blocking_client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=WAIT_S)
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.context.destroy()


def run(kernel: BlockingKernelClient, code: str) -> list[dict[str, Any]]:
    """Run a cell and return what it published."""
    found: list[dict[str, Any]] = []
    reply = kernel.execute_interactive(code, output_hook=found.append, timeout=WAIT_S)
    assert reply["content"]["status"] == "ok", reply["content"]
    return found


def subshell(kernel: BlockingKernelClient) -> str:
    """Return a subshell, as JupyterLab makes one for the comms of a notebook."""
    info = kernel.kernel_info(reply=True, timeout=WAIT_S)["content"]
    if "kernel subshells" not in info.get("supported_features", []):
        missing("subshells: ipykernel 7")
    kernel.control_channel.send(kernel.session.msg("create_subshell_request", {}))
    return str(kernel.control_channel.get_msg(timeout=WAIT_S)["content"]["subshell_id"])


def ask(kernel: BlockingKernelClient, comm_id: str, shell: str, rid: int, method: str, **params: Any) -> None:
    content = {"rid": rid, "view": "v", "method": method, "params": params}
    message = kernel.session.msg(
        "comm_msg", {"comm_id": comm_id, "data": {"method": "custom", "content": content}}
    )
    message["header"]["subshell_id"] = shell
    kernel.shell_channel.send(message)


def replies(kernel: BlockingKernelClient, rids: set[int]) -> dict[int, Any]:
    """Return the answers to all of `rids`."""
    found: dict[int, Any] = {}
    while rids - found.keys():
        try:
            message = kernel.iopub_channel.get_msg(timeout=WAIT_S)
        except queue.Empty:
            raise AssertionError(f"no answer to {rids - found.keys()}") from None
        assert message["msg_type"] != "error", message["content"]
        content = message["content"].get("data", {})
        reply = content.get("content", {}) if message["msg_type"] == "comm_msg" else {}
        if "ok" in reply:
            found[reply["rid"]] = reply
    return found


def test_the_page_gets_responses_while_a_cell_runs(kernel: BlockingKernelClient) -> None:
    published = run(kernel, MAKE)
    comm_id = next(m["content"]["text"].strip() for m in published if m["msg_type"] == "stream")
    [shown] = [m["content"]["data"] for m in published if m["msg_type"] == "execute_result"]
    assert {"text/plain", "text/html", "application/vnd.jupyter.widget-view+json"} <= shown.keys()
    shell = subshell(kernel)
    # A cell that also changes traits, and ends only when the page has opened a session meanwhile.
    running = kernel.execute(WAIT_FOR_THE_PAGE)
    ask(kernel, comm_id, shell, 1, "hello")
    ask(kernel, comm_id, shell, 2, "sessions")
    ask(kernel, comm_id, shell, 3, "open", session_id="short-hello")
    ask(kernel, comm_id, shell, 4, "no such method")
    answered = replies(kernel, {1, 2, 3, 4})
    assert [answered[rid]["ok"] for rid in (1, 2, 3, 4)] == [True, True, True, False]
    while (reply := kernel.get_shell_msg(timeout=WAIT_S))["parent_header"].get("msg_id") != running:
        pass
    assert reply["content"]["status"] == "ok"


def test_python_and_the_page_share_the_browser(kernel: BlockingKernelClient) -> None:
    code = "browser.select('trip-planner')\nprint(len(browser.to_dataframe()), browser.session)"
    published = run(kernel, code)
    assert "10 trip-planner\n" in [message["content"].get("text") for message in published]
    run(kernel, "browser.close()\nstore.close()")
