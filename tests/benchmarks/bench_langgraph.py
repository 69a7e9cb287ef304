"""Newest messages of 1,000 SqliteSaver threads to a frame, against the loop that a user would write."""

from __future__ import annotations

import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.sqlite import SqliteSaver

from chatmem_nb import LangGraphSource, to_dataframe, to_langgraph
from chatmem_nb.records import encode_all
from tests.langgraph_threads import agent, config
from tests.plain_reader import PlainReader

THREADS, MESSAGES, ROUNDS = 1_000, 20, 7
COLUMNS = ["session_id", "index", "type", "content", "id"]


def by_hand(graph: Any, names: list[str]) -> pd.DataFrame:
    """The loop that a user would write."""
    rows = []
    for name in names:
        messages = graph.get_state(config(name)).values["messages"]
        for index, message in enumerate(messages):
            rows.append((name, index, message.type, message.content, message.id))
    return pd.DataFrame(rows, columns=COLUMNS)


def timed(run: Callable[[], pd.DataFrame]) -> tuple[float, pd.DataFrame]:
    """Return the CPU seconds that `run` takes, which others on the machine change little."""
    start = time.process_time()
    frame = run()
    return time.process_time() - start, frame


def main() -> None:
    texts = [f"message {number} " * 20 for number in range(MESSAGES)]
    talk = [HumanMessage(text) if number % 2 else AIMessage(text) for number, text in enumerate(texts)]
    names = [f"thread-{number:04}" for number in range(THREADS)]
    with (
        tempfile.TemporaryDirectory() as folder,
        SqliteSaver.from_conn_string(str(Path(folder, "threads.sqlite"))) as saver,
    ):
        to_langgraph(PlainReader({name: encode_all(talk) for name in names}), saver, progress=False)
        graph = agent(saver)
        source = LangGraphSource(saver)
        pairs = []
        for _ in range(ROUNDS):
            theirs_s, theirs = timed(lambda: by_hand(graph, names))
            ours_s, ours = timed(lambda: to_dataframe(source, columns=COLUMNS))
            pairs.append((theirs_s, ours_s))
        all_s, _ = timed(lambda: to_dataframe(source))
        pd.testing.assert_frame_equal(
            theirs.astype(object),
            ours.sort_values(["session_id", "index"]).astype(object),
            check_dtype=False,
        )
        tracemalloc.start()
        for _ in source.read_many(source.session_ids()):
            pass
        peak = tracemalloc.get_traced_memory()[1]
    print(f"{THREADS:,} threads of {MESSAGES} messages: the same {len(ours):,} rows")
    ratios = sorted(theirs_s / ours_s for theirs_s, ours_s in pairs)
    theirs_s, ours_s = (sorted(times)[ROUNDS // 2] for times in zip(*pairs, strict=True))
    print(f"CPU time: get_state {theirs_s:.2f} s, to_dataframe {ours_s:.2f} s")
    print(f"{ratios[ROUNDS // 2]:.1f} times as fast ({ratios[0]:.1f} to {ratios[-1]:.1f} in {ROUNDS} rounds)")
    print(f"all columns, with times: {all_s:.2f} s; peak of reading: {peak / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
