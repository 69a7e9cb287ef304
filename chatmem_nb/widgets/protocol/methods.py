"""Every method that the page can call, with the models of its parameters and its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from . import change_results as changed
from . import requests as req
from . import results as res
from .base import Params
from .events import EVENTS


@dataclass(frozen=True, slots=True)
class Method:
    """The models of a method's parameters and result."""

    params: type[Params]
    result: type[res.Result]


METHODS: Final[Mapping[str, Method]] = {
    "hello": Method(req.NoParams, res.Hello),
    "cancel": Method(req.CancelParams, res.Cancelled),
    "connect": Method(req.ConnectParams, res.Hello),
    "disconnect": Method(req.NoParams, res.Hello),
    "select": Method(req.SessionIdsParams, res.Selected),
    "select_all": Method(req.SelectAllParams, res.AllSelected),
    "sessions": Method(req.SessionsParams, res.SessionPage),
    "open": Method(req.OpenParams, res.Opened),
    "window": Method(req.WindowParams, res.Window),
    "stats": Method(req.StatsParams, res.Stats),
    "raw": Method(req.MessageParams, res.Raw),
    "full": Method(req.FullParams, res.Full),
    "image": Method(req.ImageParams, res.Image),
    "calls": Method(req.CallsParams, res.Calls),
    "copy": Method(req.CopyParams, res.Copied),
    "locate": Method(req.LocateParams, res.Located),
    "find": Method(req.FindParams, res.Found),
    "label": Method(req.LabelMessageParams, changed.Labelled),
    "label_session": Method(req.LabelSessionParams, changed.Labelled),
    "session_labels": Method(req.OpenSessionParams, changed.LabelsOfSession),
    "compare": Method(req.CompareParams, res.Compared),
    "follow": Method(req.FollowParams, res.Followed),
    "preview": Method(req.PreviewParams, res.Rendered),
    "append": Method(req.AppendParams, changed.Appended),
    "append_json": Method(req.AppendJSONParams, changed.AppendedJSON),
    "remove": Method(req.MessageParams, changed.Removed),
    "measure_clear": Method(req.SessionIdsParams, changed.ClearMeasured),
    "clear": Method(req.SessionIdsParams, changed.Cleared),
    "undo": Method(req.NoParams, changed.Undone),
    "code": Method(req.CodeParams, res.Code),
    "to_variable": Method(req.VariableParams, res.VariableSet),
    "export": Method(req.ExportParams, res.Exported),
}
"""The methods, by name."""


def schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON schema of every model that is sent, by its name."""
    models: dict[str, type[BaseModel]] = {"Error": res.Error}
    for method in METHODS.values():
        models |= {model.__name__: model for model in (method.params, method.result)}
    models |= {model.__name__: model for model in EVENTS.values()}
    found: dict[str, dict[str, Any]] = {}
    for name, model in models.items():
        schema = model.model_json_schema()
        found |= schema.pop("$defs", {})
        found[name] = schema
    return found
