"""Without LangChain's base class, which langchain-core 2.0 removes: everything works as before."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest
from langchain_core.chat_history import BaseChatMessageHistory

from chatmem_nb.histories import MomentoChatMessageHistory, StoreHistory, UpstashRedisChatMessageHistory
from chatmem_nb.histories.langchain_base import OwnBase

BLOCKED = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name in ("langchain_core.chat_history", "langchain_core.runnables.history"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

assert not [name for name in sys.modules if name.startswith("langchain_core")]
sys.meta_path.insert(0, Blocker())
"""

CONTRACT = """
import asyncio
from datetime import timedelta

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

import chatmem_nb
from chatmem_nb import HistoryBrowser, MomentoChatMessageHistory, UpstashRedisChatMessageHistory
from chatmem_nb.histories import StoreHistory
from chatmem_nb.histories.langchain_base import HistoryBase, OwnBase
from chatmem_nb.local import LocalMomento, LocalUpstash

assert HistoryBase is OwnBase
with LocalUpstash() as upstash, LocalMomento() as momento:
    histories = [
        UpstashRedisChatMessageHistory("talk", upstash.url, upstash.token),
        StoreHistory(momento.store(), "talk"),
        MomentoChatMessageHistory.from_store(momento.store(), "other"),
    ]
    for history in histories:
        call = {"name": "search", "args": {"q": 1}, "id": "c"}
        expected = [
            HumanMessage("hi"),
            AIMessage("hello"),
            SystemMessage("one"),
            AIMessage("", tool_calls=[call]),
            ToolMessage("found", tool_call_id="c"),
            HumanMessage("as a message"),
        ]
        history.add_user_message("hi")
        history.add_ai_message("hello")
        history.add_message(expected[2])
        history.add_messages(expected[3:5])
        history.add_user_message(expected[5])
        assert history.messages == expected == asyncio.run(history.aget_messages())
        asyncio.run(history.aadd_messages([AIMessage("async")]))
        assert history.last(1) == [AIMessage("async")] and len(history) == 7
        assert "Human: hi" in str(history) and "talk" in repr(history) or "other" in repr(history)
        assert len(chatmem_nb.to_dataframe(history)) == 7
        browser = HistoryBrowser(history)
        assert browser.append("from the browser") == 8
        assert [hit.index for hit in browser.find("found")] == [4]
        assert len(browser.to_dataframe()) == 8
        browser.close()
        history.clear()
        assert history.messages == []
        asyncio.run(history.aclear())
print("done")
"""


@pytest.mark.slow
def test_histories_frames_and_the_browser_work_without_langchains_base_class() -> None:
    done = subprocess.run([sys.executable, "-c", BLOCKED + CONTRACT], capture_output=True, text=True)
    assert done.stdout.strip() == "done", done.stderr[-3000:]


def test_our_base_class_has_what_langchains_has() -> None:
    for kind in (StoreHistory, UpstashRedisChatMessageHistory, MomentoChatMessageHistory):
        assert issubclass(kind, BaseChatMessageHistory)
        theirs = {name for name in dir(BaseChatMessageHistory) if not name.startswith("_")}
        assert theirs <= {*dir(OwnBase), *vars(StoreHistory), "lc_attributes"}
    for name in ("add_user_message", "add_ai_message", "add_message", "add_messages"):
        ours, theirs_too = getattr(OwnBase, name), getattr(BaseChatMessageHistory, name)
        assert list(inspect.signature(ours).parameters) == list(inspect.signature(theirs_too).parameters)


@pytest.mark.slow
def test_importing_raises_no_deprecation_warning() -> None:
    code = (
        "import chatmem_nb; "
        "[getattr(chatmem_nb, name) for name in chatmem_nb.__all__]; print(len(chatmem_nb.__all__) > 20)"
    )
    command = [sys.executable, "-W", "error::DeprecationWarning:langchain_core", "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout.strip() == "True", done.stderr[-3000:]
