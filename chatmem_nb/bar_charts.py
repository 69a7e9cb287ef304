"""Bar charts, drawn by Altair, that are readable on light and on dark pages."""

from __future__ import annotations

from typing import Any

from .charts import Chart

# Mid grey, on a transparent background.
_INK = "#808893"


def tooltip(field: str, **options: Any) -> Any:
    """Return a line of a tooltip, formatted by `options`; without them, its name is enough."""
    return _altair().Tooltip(field, **options)


def horizontal_bars(data: list[dict[str, Any]], *, x: str, y: str, **parts: Any) -> Chart:
    """Return bars of the number `x` for each name `y`, the longest first."""
    alt = _altair()
    return _bars(alt, data, x=alt.X(f"{x}:Q", title=x), y=alt.Y(f"{y}:N", sort="-x", title=None), **parts)


def bars_over_time(data: list[dict[str, Any]], *, x: str, y: str, **parts: Any) -> Chart:
    """Return bars of the number `y` for each time `x`."""
    alt = _altair()
    time = alt.X(f"{x}:T", title="stored (UTC)", scale=alt.Scale(type="utc"))
    return _bars(alt, data, x=time, y=alt.Y(f"{y}:Q", title=y), **parts)


def _bars(
    alt: Any,
    data: list[dict[str, Any]],
    *,
    x: Any,
    y: Any,
    colour: str,
    colours: dict[str, str],
    tooltip: list[Any],
    title: str,
) -> Chart:
    """Return a bar for each of `data`, coloured by its field `colour`."""
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    colouring = alt.Color(f"{colour}:N", scale=scale, title=None)
    chart = alt.Chart(alt.Data(values=data), title=title).mark_bar()
    return _themed(chart.encode(x=x, y=y, color=colouring, tooltip=tooltip))


def _themed(chart: Any) -> Chart:
    themed = (
        chart.configure(background="transparent")
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=_INK, titleColor=_INK, gridColor="#80889344", domainColor=_INK, tickColor=_INK
        )
        .configure_legend(labelColor=_INK, titleColor=_INK)
        .configure_title(color=_INK)
    )
    return Chart(themed.to_dict())


def _altair() -> Any:
    try:
        import altair
    except ImportError as exc:
        raise ImportError("charts need Altair: pip install 'chatmem_nb[plot]'") from exc
    return altair
