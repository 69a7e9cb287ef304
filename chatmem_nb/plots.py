"""Charts of the sessions in a store, made of frames."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from .bar_charts import bars_over_time, horizontal_bars, tooltip
from .charts import Chart
from .errors import InvalidInputError
from .frames import sessions_frame, to_dataframe, tool_calls_frame
from .plain_text import counted
from .sources import Source

if TYPE_CHECKING:
    import pandas as pd

# Readable on white and on dark grey, and distinguishable with colour blindness (Okabe and Ito).
_BLUE, _ORANGE, _GREEN, _GREY, _RED = "#3b8fc6", "#d98a1f", "#2a9d78", "#8b8f98", "#d1605e"
_ROLES = {"user": _BLUE, "assistant": _ORANGE, "tool": _GREEN, "system": _GREY, "other": _RED}
_STATUSES = {"success": _GREEN, "error": _RED, "missing": _GREY, "invalid": _ORANGE}
_FAILED, _NOT_FAILED = "failed", "not failed"
_TOKENS = {"input_tokens": "input", "output_tokens": "output"}


def plot_sessions(source: Source | pd.DataFrame, *, top: int = 40) -> Chart:
    """Chart the lengths of the `top` longest sessions, with unreadable messages in another colour.

    `source` is an argument or a result of `sessions_frame`.
    Raises: ImportError without Altair (`pip install chatmem_nb[plot]`); InvalidInputError; StoreError.

    >>> plot_sessions(store, top=3).to_dict()["mark"]["type"]
    'bar'
    """
    frame = _frame(source, "n_messages", sessions_frame)
    rows = frame.nlargest(_checked(top), "n_messages")
    data = [
        {
            "session": _label(row["session_id"]),
            "messages": count,
            "kind": kind,
            "last": _label(row["last_text"]),
            "bytes": int(row["bytes"]),
        }
        for row in rows.to_dict("records")
        for kind, count in (
            ("readable", int(row["n_messages"]) - int(row["n_bad"])),
            ("unreadable", int(row["n_bad"])),
        )
        if count
    ]
    return horizontal_bars(
        data,
        x="messages",
        y="session",
        colour="kind",
        colours={"readable": _BLUE, "unreadable": _RED},
        tooltip=["session:N", "messages:Q", "kind:N", "bytes:Q", "last:N"],
        title=f"The {len(rows)} longest of {len(frame)} sessions",
    )


def plot_timeline(source: Source | pd.DataFrame) -> Chart:
    """Chart messages over time by role, for messages with a `stored_at`.

    Times are grouped into a few hundred bars, each from a minute to a week. `source` is an argument or a
    result of `to_dataframe`. Raises: as `plot_sessions`.

    >>> chart = plot_timeline((store, ["trip-planner"]))  # as the last line of a cell, it is shown
    >>> chart.to_dict()["encoding"]["x"]["type"]
    'temporal'
    """
    frame = _frame(source, "stored_at", partial(to_dataframe, columns=["role", "stored_at"]))
    known = frame[frame["stored_at"].notna()]
    unit = _unit(known["stored_at"])
    roles = known["role"].astype(object)
    known = known.assign(
        time=known["stored_at"].dt.floor(unit), who=roles.where(roles.isin(_ROLES), "other").astype(str)
    )
    counts = known.groupby(["time", "who"]).size()
    data = [
        {"time": time.isoformat(), "role": who, "messages": int(count)}
        for (time, who), count in counts.items()
    ]
    without = len(frame) - len(known)
    note = f", {without:,} without a time" if without else ""
    return bars_over_time(
        data,
        x="time",
        y="messages",
        colour="role",
        colours=_ROLES,
        tooltip=[tooltip("time:T", format="%Y-%m-%d %H:%M"), "role:N", "messages:Q"],
        title=f"{counted(len(known), 'message')}{note}",
    )


def plot_tools(source: Source | pd.DataFrame) -> Chart:
    """Chart tool calls by name and status.

    `source` is an argument or a result of `tool_calls_frame`. Raises: as `plot_sessions`.

    >>> chart = plot_tools(store)
    >>> [bar["tool"] for bar in chart.to_dict()["data"]["values"]]
    ['find_trains', 'hold_berth', 'weather']
    """
    frame = _frame(source, "args", tool_calls_frame)
    frame = frame[frame["kind"] != "result"]
    counts = frame.assign(tool=frame["name"].fillna("no name").map(_label)).groupby(
        ["tool", "status"], observed=True
    )
    seconds = frame["took"].dt.total_seconds()
    data = [
        {
            "tool": tool,
            "status": status,
            "calls": len(rows),
            "median_s": _median(seconds[rows.index]),
        }
        for (tool, status), rows in counts
    ]
    return horizontal_bars(
        data,
        x="calls",
        y="tool",
        colour="status",
        colours=_STATUSES,
        tooltip=["tool:N", "status:N", "calls:Q", tooltip("median_s:Q", title="median time (s)")],
        title=f"{len(frame):,} tool calls",
    )


def plot_failures(source: Source | pd.DataFrame) -> Chart:
    """Chart failed and other tool calls by name.

    `source` is an argument or a result of `tool_calls_frame`. Raises: as `plot_sessions`.

    >>> plot_failures(store).to_dict()["title"]
    '... of ... tool calls failed'
    """
    frame = _frame(source, "failed", tool_calls_frame)
    frame = frame[frame["kind"] != "result"]
    counts = frame.assign(
        tool=frame["name"].fillna("no name").map(_label),
        outcome=[_FAILED if has_failed else _NOT_FAILED for has_failed in frame["failed"].fillna(False)],
    )
    totals = counts.groupby("tool").size()
    data = [
        {"tool": tool, "outcome": outcome, "calls": int(count), "share": round(count / int(totals[tool]), 3)}
        for (tool, outcome), count in counts.groupby(["tool", "outcome"]).size().items()
    ]
    failed = int((counts["outcome"] == _FAILED).sum())
    return horizontal_bars(
        data,
        x="calls",
        y="tool",
        colour="outcome",
        colours={_FAILED: _RED, _NOT_FAILED: _GREEN},
        tooltip=["tool:N", "outcome:N", "calls:Q", tooltip("share:Q", format=".1%")],
        title=f"{failed:,} of {len(frame):,} tool calls failed",
    )


def plot_tokens(source: Source | pd.DataFrame) -> Chart:
    """Chart input and output tokens by day (UTC), for messages with token counts and a `stored_at`.

    `source` is an argument or a result of `to_dataframe`. Raises: as `plot_sessions`.

    >>> plot_tokens([]).to_dict()["title"]
    '0 tokens'
    """
    columns = ["stored_at", *_TOKENS]
    frame = _frame(source, "input_tokens", partial(to_dataframe, columns=columns))
    frame = _frame(frame, "stored_at", to_dataframe)
    used = frame[frame["input_tokens"].notna() | frame["output_tokens"].notna()]
    known = used[used["stored_at"].notna()]
    days = known[list(_TOKENS)].groupby(known["stored_at"].dt.floor("D")).sum()
    data = [
        {"day": day.isoformat(), "kind": kind, "tokens": int(row[name])}
        for day, row in days.iterrows()
        for name, kind in _TOKENS.items()
    ]
    without = len(used) - len(known)
    note = f", {counted(without, 'message')} without a time" if without else ""
    total = sum(row["tokens"] for row in data)
    return bars_over_time(
        data,
        x="day",
        y="tokens",
        colour="kind",
        colours={"input": _BLUE, "output": _ORANGE},
        tooltip=[tooltip("day:T", format="%Y-%m-%d"), "kind:N", "tokens:Q"],
        title=f"{total:,} tokens{note}",
    )


def _frame(source: Any, column: str, make: Callable[[Any], pd.DataFrame]) -> Any:
    """Return `source` if it is a frame, else `make(source)`.

    Raises: InvalidInputError if it is a frame without `column`.
    """
    if not hasattr(source, "columns") or not hasattr(source, "iloc"):
        return make(source)
    if column not in source.columns:
        raise InvalidInputError(
            f"this frame has no column {column!r}; pass the store, or the frame that this chart is made of"
        )
    return source


def _unit(times: Any) -> str:
    """Return the width of a bar as a pandas frequency, for 300 bars or fewer where possible."""
    if times.empty:
        return "D"
    seconds = (times.max() - times.min()).total_seconds()
    units = {"min": 60, "10min": 600, "h": 3_600, "6h": 21_600, "D": 86_400}
    return next((unit for unit, width in units.items() if seconds / width <= 300), "7D")


def _checked(top: int) -> int:
    if top < 1:
        raise InvalidInputError("top must be 1 or more")
    return top


def _label(text: Any) -> str:
    shown = " ".join(text.split()) if isinstance(text, str) else ""
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


def _median(seconds: pd.Series[float]) -> float | None:
    known = seconds.dropna()  # numpy 1.26 warns of the median of an empty series
    return None if known.empty else round(float(known.median()), 3)
