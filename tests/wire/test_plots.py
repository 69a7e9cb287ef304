"""Charts say what is in the frames, and are legal Vega-Lite."""

from __future__ import annotations

import json
import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd
import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from chatmem_nb import (
    InvalidInputError,
    plot_failures,
    plot_sessions,
    plot_timeline,
    plot_tokens,
    plot_tools,
    sessions_frame,
    to_dataframe,
    tool_calls_frame,
)
from chatmem_nb.charts import Chart
from chatmem_nb.local import LocalUpstash
from chatmem_nb.records import encode, parse_all, to_json

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


def test_failures_are_counted_by_tool() -> None:
    chat = parse_all([*RAWS[:2], encode(ToolMessage("no", tool_call_id="1", status="error")), *RAWS[1:3]])
    for source in (chat, tool_calls_frame(chat)):
        assert rows(plot_failures(source)) == [
            {"tool": "find", "outcome": "failed", "calls": 1, "share": 0.5},
            {"tool": "find", "outcome": "not failed", "calls": 1, "share": 0.5},
        ]
    assert plot_failures(chat).to_dict()["title"] == "1 of 2 tool calls failed"


def test_tokens_are_added_up_by_day() -> None:
    def spoken(hours: int | None, tokens: int) -> str:
        usage: Any = {"input_tokens": tokens, "output_tokens": 1, "total_tokens": tokens + 1}
        message = AIMessage("x", usage_metadata=usage)
        if hours is None:
            return to_json({"type": "ai", "data": message.model_dump()})
        return encode(message, stored_at=NOON + timedelta(hours=hours))

    chat = parse_all([RAWS[0], spoken(0, 10), spoken(1, 5), spoken(30, 7), spoken(None, 9)])
    for source in (chat, to_dataframe(chat)):
        chart = plot_tokens(source)
        assert [(row["day"][:10], row["kind"], row["tokens"]) for row in rows(chart)] == [
            ("2026-03-02", "input", 15),
            ("2026-03-02", "output", 2),
            ("2026-03-03", "input", 7),
            ("2026-03-03", "output", 1),
        ]
        assert chart.to_dict()["title"] == "25 tokens, 1 message without a time"


def test_nothing_to_show_is_an_empty_chart() -> None:
    for plot in (plot_sessions, plot_timeline, plot_tools, plot_failures, plot_tokens):
        assert rows(plot([])) == []


def test_a_frame_of_another_kind_is_refused() -> None:
    for plot in (plot_sessions, plot_timeline, plot_tools, plot_failures, plot_tokens):
        with pytest.raises(InvalidInputError, match="no column"):
            plot(pd.DataFrame({"x": [1]}))
    with pytest.raises(InvalidInputError, match="top"):
        plot_sessions([], top=0)


def test_a_long_time_is_not_a_bar_a_minute() -> None:
    raws = [encode(HumanMessage("x"), stored_at=NOON + timedelta(days=day)) for day in range(2_000)]
    assert len(rows(plot_timeline(parse_all(raws)))) < 300


BREAKOUT = "</script><script>window.pwned=1</script>"
USAGE = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
HOSTILE_CALL = CALL | {"name": BREAKOUT, "id": BREAKOUT}
HOSTILE = [
    encode(
        AIMessage(
            "",
            tool_calls=[HOSTILE_CALL],
            usage_metadata=USAGE,
            response_metadata={"model_name": BREAKOUT, "finish_reason": BREAKOUT},
        ),
        stored_at=NOON,
    ),
    encode(
        ToolMessage(f"Error: {BREAKOUT}", tool_call_id=BREAKOUT, name=BREAKOUT, status="error"),
        stored_at=NOON,
    ),
    encode(HumanMessage(f"{BREAKOUT}<img src=x onerror=alert(1)>"), stored_at=NOON),
]


@pytest.fixture(scope="module")
def hostile() -> Iterator[list[Chart]]:
    """All charts of a store whose every text leaves a script element."""
    with LocalUpstash() as server, server.store() as store:
        store.append(BREAKOUT, HOSTILE)
        plots = (plot_sessions, plot_timeline, plot_tools, plot_failures, plot_tokens)
        yield [plot(store) for plot in plots]


def test_hostile_texts_are_counted_as_any_others(hostile: list[Chart]) -> None:
    failures, tokens = (chart.to_dict() for chart in hostile[3:])
    assert failures["title"] == "1 of 1 tool calls failed"
    assert {bar["tool"] for bar in failures["data"]["values"]} == {BREAKOUT}
    assert tokens["title"] == "7 tokens"
    assert BREAKOUT not in str(tokens)


RENDERERS = ["default", "html", "mimetype", "jupyter", "olli", "json"]


@pytest.mark.parametrize("renderer", [name for name in RENDERERS if name in alt.renderers.names()])
def test_a_notebook_is_sent_json_whatever_altair_is_set_to(hostile: list[Chart], renderer: str) -> None:
    with alt.renderers.enable(renderer):
        for chart in hostile:
            bundle = chart._repr_mimebundle_()
            assert set(bundle) == {"application/vnd.vegalite.v5+json", "text/plain"}
            assert BREAKOUT not in bundle["text/plain"]
    assert not hasattr(hostile[0], "_repr_html_")


def test_voila_is_sent_a_png_beside_it(hostile: list[Chart], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVER_SOFTWARE", "voila/0.5.13")
    assert set(hostile[0]._repr_mimebundle_()) == {
        "application/vnd.vegalite.v5+json",
        "text/plain",
        "image/png",
    }


def test_saved_json_can_stand_inside_a_script(hostile: list[Chart], tmp_path: Path) -> None:
    for chart in hostile:
        chart.save(tmp_path / "chart.vl.json")
        text = (tmp_path / "chart.vl.json").read_text()
        assert not re.search("[<>&]", text)
        assert json.loads(text) == chart.to_dict()
    assert BREAKOUT in str([chart.to_dict() for chart in hostile])


def test_without_vl_convert_a_page_is_refused(
    hostile: list[Chart], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    for suffix in ("html", "svg", "png"):
        with pytest.raises(ImportError, match=r"vl-convert-python, or save as \.vl\.json"):
            hostile[0].save(tmp_path / f"chart.{suffix}")
    assert list(tmp_path.iterdir()) == []


def test_another_suffix_is_refused(hostile: list[Chart], tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"use \.vl\.json"):
        hostile[0].save(tmp_path / "chart.pdf")


def test_a_saved_page_and_image_hold_no_script(hostile: list[Chart], tmp_path: Path) -> None:
    for chart in hostile:
        page = chart.to_html()
        assert "<script" not in page
        assert re.findall(r"(?:src|href)=\"(.{10})", page) == ["data:image"]
        chart.save(tmp_path / "chart.svg")
        image = ET.parse(tmp_path / "chart.svg")
        assert [
            node.tag for node in image.iter() if node.tag.endswith(("script", "foreignObject", "image"))
        ] == []
        chart.save(tmp_path / "chart.png")
        assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")


def test_a_changed_copy_of_the_specification_changes_no_chart(hostile: list[Chart]) -> None:
    hostile[0].to_dict()["data"]["values"].clear()
    assert hostile[0].to_dict()["data"]["values"]
