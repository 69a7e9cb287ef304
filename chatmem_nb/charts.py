"""A chart that a notebook can display safely: data for Vega-Lite, never a script."""

from __future__ import annotations

import base64
import copy
import json
import os
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any, Final

from .errors import InvalidInputError

# The only version that JupyterLab 4.2 to 4.6, Notebook 7 and VS Code all draw; Altair 6 itself sends v6.
_MIME: Final = "application/vnd.vegalite.v5+json"
_SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v5.json"
_JSON_SUFFIXES: Final = (".vl.json", ".json")
_POLICY: Final = "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'"
# JupyterLab 4.6's renderer adds a PNG to the output unless there is one. In Voila 0.5.13 that raises, and an
# error is shown beside the chart. Where the chart itself is drawn, this transparent pixel is not shown.
_PIXEL: Final = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)


class Chart:
    """A Vega-Lite chart that the notebook draws itself, offline.

    Altair's own charts write their data unescaped into a `<script>` when the HTML renderer is enabled, its
    default, so that a session id such as `</script><script>...` runs. This class has no such form: whatever
    Altair renderer is enabled, the notebook is sent Vega-Lite's JSON and a line of text. JupyterLab,
    Notebook 7, Voila and VS Code draw it; elsewhere display `IPython.display.HTML(chart.to_html())`.

    >>> chart = plot_tools(store)
    >>> chart.save("tools.vl.json")
    """

    def __init__(self, spec: Mapping[str, Any]) -> None:
        self._spec = {**spec, "$schema": _SCHEMA}

    def to_dict(self) -> dict[str, Any]:
        """Return the Vega-Lite specification, with its data inline, as a copy that may be changed."""
        return copy.deepcopy(self._spec)

    def to_json(self) -> str:
        """Return the specification as JSON, with `<`, `>` and `&` escaped: it is safe inside a script."""
        text = json.dumps(self._spec, ensure_ascii=True, allow_nan=False)
        return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")

    def to_html(self) -> str:
        """Return an HTML page with the chart as an image, without scripts and external resources.

        Raises: ImportError without vl-convert-python.
        """
        image = base64.b64encode(self._svg().encode()).decode()
        return (
            f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
            f"<title>{escape(self._title)}</title></head>\n"
            f'<body><img src="data:image/svg+xml;base64,{image}" alt="{escape(self._title)}"></body></html>\n'
        )

    def save(self, path: str | Path) -> None:
        """Write the chart to `path`: `.vl.json` or `.json`; `.svg`, `.png`, `.html` with vl-convert-python.

        Raises: InvalidInputError for another suffix; ImportError without vl-convert-python; OSError.
        """
        target = Path(path)
        name = target.name.lower()
        if name.endswith(_JSON_SUFFIXES):
            data = self.to_json().encode()
        elif name.endswith(".svg"):
            data = self._svg().encode()
        elif name.endswith(".png"):
            data = _converter().vegalite_to_png(self.to_json())
        elif name.endswith((".html", ".htm")):
            data = self.to_html().encode()
        else:
            raise InvalidInputError(
                f"cannot save a chart as {target.suffix!r}; use .vl.json, .svg, .png or .html"
            )
        target.write_bytes(data)

    def _svg(self) -> str:
        return str(_converter().vegalite_to_svg(self.to_json()))

    @property
    def _title(self) -> str:
        return str(self._spec.get("title") or "chart")

    def __repr__(self) -> str:
        return f"Chart({self._title!r})"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        bundle = {_MIME: self.to_dict(), "text/plain": repr(self)}
        if os.environ.get("SERVER_SOFTWARE", "").startswith("voila/"):
            bundle["image/png"] = _PIXEL
        return bundle


def _converter() -> Any:
    try:
        import vl_convert
    except ImportError as exc:
        raise ImportError(
            "SVG, PNG and HTML need vl-convert-python: pip install vl-convert-python, or save as .vl.json"
        ) from exc
    return vl_convert
