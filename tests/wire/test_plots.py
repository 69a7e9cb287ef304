"""Charts say what is in the frames, and are legal Vega-Lite."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from chatmem_nb import (
    InvalidInputError,
    plot_sessions,
    plot_timeline,
    plot_tools,
    sessions_frame,
    to_dataframe,
    tool_calls_frame,
)
from chatmem_nb.local import LocalUpstash
from chatmem_nb.records import encode, parse_all

pytest.importorskip("altair")

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CALL = {"name": "find", "args": {}, "id": "1"}
RAWS = [
    encode(HumanMessage("hi"), stored_at=NOON),
    encode(AIMessage("", tool_calls=[CALL]), stored_at=NOON + timedelta(hours=30)),
    encode(ToolMessage("x", tool_call_id="1"), stored_at=NOON + timedelta(hours=31)),
    "not json",
]


def rows(chart: Any) -> list[dict[str, Any]]:
    """Return the data of a chart, which Altair has checked against Vega-Lite's schema."""
    spec = chart.to_dict()
    assert spec["config"]["background"] == "transparent"
    return list(spec["data"]["values"])


def test_each_chart_says_what_its_frame_says() -> None:
    chat = parse_all(RAWS)
    with LocalUpstash() as server, server.store() as store:
        store.append("a", RAWS)
        for source in (store, sessions_frame(store)):
            found = {row["kind"]: row["messages"] for row in rows(plot_sessions(source))}
            assert found == {"readable": 3, "unreadable": 1}
    for timeline in (chat, to_dataframe(chat)):
        counted = {row["role"]: row["messages"] for row in rows(plot_timeline(timeline))}
        assert counted == {"user": 1, "assistant": 1, "tool": 1}
    for tools in (chat, tool_calls_frame(chat)):
        assert rows(plot_tools(tools)) == [
            {"tool": "find", "status": "success", "calls": 1, "median_s": 3600.0}
        ]


def test_nothing_to_show_is_an_empty_chart() -> None:
    for plot in (plot_sessions, plot_timeline, plot_tools):
        assert rows(plot([])) == []


def test_a_frame_of_another_kind_is_refused() -> None:
    for plot in (plot_sessions, plot_timeline, plot_tools):
        with pytest.raises(InvalidInputError, match="no column"):
            plot(pd.DataFrame({"x": [1]}))
    with pytest.raises(InvalidInputError, match="top"):
        plot_sessions([], top=0)


def test_a_long_time_is_not_a_bar_a_minute() -> None:
    raws = [encode(HumanMessage("x"), stored_at=NOON + timedelta(days=day)) for day in range(2_000)]
    assert len(rows(plot_timeline(parse_all(raws)))) < 300
