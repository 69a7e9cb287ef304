"""A kernel for the blank page: answers as HistoryBrowser does, out of conversations made on the way."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from chatmem_nb.widgets.connect_fields import SERVICES, input_of
from chatmem_nb.widgets.figures import facts
from chatmem_nb.widgets.file_formats import FILE_FORMATS, shown_formats
from chatmem_nb.widgets.protocol import EVENTS, METHODS
from chatmem_nb.widgets.protocol.results import Error
from chatmem_nb.widgets.sessions import cost

Message = dict[str, Any]
ROLES = ("human", "ai", "tool", "ai")
CLIENTS: dict[str, tuple[list[str], list[str]]] = {
    "upstash": (["UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN"], ["url", "token", "key_prefix"]),
    "momento": (
        ["MOMENTO_API_KEY", "MOMENTO_ENDPOINT", "MOMENTO_CACHE_NAME"],
        ["api_key", "endpoint", "cache_name", "key_prefix"],
    ),
    "local": ([], []),
}


def plain_entry(index: int) -> dict[str, Any]:
    """One message of a made-up conversation about the weather."""
    role = ROLES[index % 4]
    text = f"Message number {index}: " + "the harbour is calm and the ferry is on time. " * (1 + index % 3)
    entry: dict[str, Any] = {
        "index": index,
        "role": role,
        "html": f"<p>{text}</p>",
        "stored_at": f"2026-03-0{1 + index % 9}T10:20:30Z",
    }
    if role == "ai":
        entry |= {
            "model": "gpt-4o-mini",
            "finish_reason": "stop",
            "tokens": {"input": 120, "output": 34, "total": 154},
        }
    return entry


def check_request(message: Message) -> None:
    """Raises: AssertionError or ValidationError if the protocol does not know what the page sent."""
    assert message.keys() == {"rid", "view", "method", "params"}, message
    model = METHODS[message["method"]].params
    unknown = message["params"].keys() - model.model_fields.keys()
    assert not unknown, f"{message['method']} takes no {unknown}"
    model.model_validate({name: value for name, value in message["params"].items() if value is not None})


def check_message(method: str, message: Message) -> None:
    """Raises: AssertionError or ValidationError if the protocol does not know what is sent to the page."""
    if "event" in message:
        model = EVENTS[message.get("what", message["event"])]
        head = {"rid", "view"} - model.model_fields.keys()
        model.model_validate({name: value for name, value in message.items() if name not in head})
    elif message["ok"]:
        assert message.keys() <= {"rid", "view", "ok", "result", "buffers"}, message.keys()
        METHODS[method].result.model_validate(message["result"])
    else:
        assert message.keys() == {"rid", "view", "ok", "error"}, message.keys()
        Error.model_validate(message["error"])


class Changed(Exception):
    """Another message is at the index that the page means."""


@dataclass
class Talk:
    """One stored conversation."""

    length: int
    make: Callable[[int], dict[str, Any]] = plain_entry
    ttl_s: float | None = None
    added: dict[int, dict[str, Any]] = field(default_factory=dict)

    def entry(self, index: int) -> dict[str, Any]:
        entry = self.added.get(index) or self.make(index)
        known = {"identity": f"text of {index}", "role": "human"}
        return known | entry | {"index": index}


class StandIn:
    """Answers `message` with the list of messages that a kernel would send, all as the protocol has them.

    `silent`: methods that get no answer. `broken`: method -> error. `seen`: every message that came.
    `violations`: what the protocol does not know, of either side; the fixture `blank` fails for them.
    """

    is_hostile = False
    """Whether it may send anything."""

    def __init__(self, talks: dict[str, Talk] | None = None, *, connected: bool = True) -> None:
        self.talks = talks if talks is not None else {"trip to Oslo": Talk(40), "empty": Talk(0)}
        self.connected = connected
        self.service = "Upstash Redis"
        self.may = {"connect": True, "write": True, "variables": True, "files": True}
        self.silent: set[str] = set()
        self.broken: dict[str, dict[str, Any]] = {}
        self.seen: list[Message] = []
        self.violations: list[str] = []
        self.epoch = 1
        self.session = ""
        self.kept: list[dict[str, Talk]] = []
        self.page = 50
        self.listing_complete = True
        self.hits: list[dict[str, Any]] = []
        self.failed: list[int] = []
        self.last_words = "At nine, from the east quay. Shall I book it?"
        self.last_writes: dict[str, datetime] = {}
        self.events: list[Message] = []
        self.extra_env = False
        self.number = 1
        self.target = "example-12345.upstash.io"
        self.later: dict[str, Talk] = {}
        self.palette: list[Message] | None = None
        self.tags: list[Message] | None = None
        self.left_out: str | None = None
        self.labels: dict[str, Message | None] = {}
        self.gone: list[Message] = []

    def __call__(self, message: Message) -> list[Message]:
        self.seen.append(message)
        try:
            check_request(message)
            sent = self.answer(message)
            if not self.is_hostile:
                for one in sent:
                    check_message(message["method"], one)
        except (AssertionError, ValidationError) as exc:
            self.violations.append(f"{message['method']}: {exc}")
            raise
        return sent

    def answer(self, message: Message) -> list[Message]:
        method = message["method"]
        if method in self.silent or "*" in self.silent:
            return []
        head = {"rid": message["rid"], "view": message["view"]}
        if method in self.broken:
            return [head | {"ok": False, "error": {"field": None} | self.broken[method]}]
        before = [head | event for event in self.events]
        self.events = []
        try:
            answer = getattr(self, "on_" + method)(message["params"])
        except Changed:
            self.epoch += 1
            name = message["params"]["session_id"]
            known = {"session": name, "epoch": self.epoch, "total": self.talks[name].length}
            event = {"event": "changed", "what": "session", **known}
            error = {"type": "changed", "message": "Changed meanwhile: nothing was done.", "field": None}
            return [event, head | {"ok": False, "error": error}]
        except KeyError as error:
            return [head | {"ok": False, "error": {"type": "error", "message": str(error), "field": None}}]
        buffers = answer.pop("buffers", [])
        before += [head | event for event in self.events]
        self.events = []
        return [*before, head | {"ok": True, "result": answer, "buffers": buffers}]

    def asked(self, method: str) -> list[Message]:
        return [message["params"] for message in self.seen if message["method"] == method]

    # connection

    def on_hello(self, params: Message) -> Message:
        return {
            "connected": self.connected,
            "number": self.number,
            "service": self.service if self.connected else None,
            "target": self.target if self.connected else "",
            "session": self.session,
            "may": dict(self.may),
            "reachable": True,
            "selection": [],
            "clients": [self.client(name) for name in CLIENTS if self.may["connect"]],
            "undo": self.undo_state(),
            "palette": self.palette,
            "formats": shown_formats() if self.may["files"] else [],
            "price_note": "500,000 commands a month are free",
        }

    def client(self, service: str) -> Message:
        names, fields = CLIENTS[service]
        env = [{"name": name, "set": self.extra_env and service == "upstash"} for name in names]
        inputs = [input_of(name) for name in fields]
        return {"service": service, "label": SERVICES[service], "env": env, "inputs": inputs}

    def on_connect(self, params: Message) -> Message:
        self.connected = True
        self.number += 1
        return self.on_hello(params)

    def on_disconnect(self, params: Message) -> Message:
        self.connected = False
        self.number += 1
        self.session = ""
        return self.on_hello(params)

    # sessions

    def on_sessions(self, params: Message) -> Message:
        names = [name for name in self.talks if params["query"].lower() in name.lower()]
        if params["sort"] == "id":
            names.sort(reverse=params["descending"])
        if params["sort"] == "length":
            names.sort(key=lambda name: self.talks[name].length, reverse=params["descending"])
        part = names[params["start"] : min(params["stop"], params["start"] + self.page)]
        complete = self.listing_complete or params["start"] + len(part) >= len(names)
        return {
            "rows": [self.summary(name) for name in part],
            "total": len(names) if self.listing_complete else None,
            "complete": complete,
            "found": params["start"] + len(part),
            "at": names.index(params["of"]) if params["of"] in names else None,
            "tags": self.tags if self.tags is not None else self.palette,
            "listing_spent": {"requests": 3, "billed": 12},
            "cost": cost(3, 12, {"requests": 3, "bytes_received": 4321}),
        }

    def summary(self, name: str) -> Message:
        talk = self.talks[name]
        first = {"role": "human", "text": "When does the ferry to Oslo leave on Sunday morning?"}
        last = {"role": "ai", "text": self.last_words}
        write = self.last_writes.get(name)
        return {
            "session_id": name,
            "length": talk.length,
            "ttl_s": talk.ttl_s,
            "first": first if talk.length else None,
            "last": last if talk.length else None,
            "last_write": write.isoformat() if write else None,
            "label": self.labels.get(name),
            "labelled": len(talk.added) if self.palette else 0,
        }

    def on_open(self, params: Message) -> Message:
        name = params["session_id"]
        exists = name in self.talks
        if params["create"] and not exists:
            self.talks[name] = Talk(0)
        talk = self.talks.get(name, Talk(0))
        return {
            "session_id": name,
            "epoch": self.epoch,
            "total": talk.length,
            "ttl_s": talk.ttl_s,
            "exists": exists,
        }

    def on_window(self, params: Message) -> Message:
        talk = self.talks[params["session_id"]]
        start, stop = params["start"], min(params["stop"], params["start"] + 200, talk.length)
        label = self.labels.get(params["session_id"])
        rows = [talk.entry(i) for i in range(start, stop)]
        answer = {"start": start, "rows": rows, "total": talk.length, "label": label}
        is_whole = stop - start == talk.length > 0
        return answer | ({"stats": self.on_stats(params)} if is_whole else {})

    def on_stats(self, params: Message) -> Message:
        talk = self.talks[params["session_id"]]
        figures = {
            "turns": talk.length // 2,
            "tokens": {"input": 12345, "output": 678, "total": 13023},
            "tools": [{"name": "search_flights", "calls": 12}, {"name": "book", "calls": 3}],
            "bad": 1,
            "failed": self.failed,
            "first_time": "2026-03-01T10:20:30Z",
            "last_time": "2026-03-09T10:20:30Z",
        }
        counted = {"messages": talk.length, "partial": False, "scanned": talk.length}
        return {**figures, **counted, "facts": facts(figures)}

    def on_locate(self, params: Message) -> Message:
        return {"index": 7, "identity": self.talks[params["session_id"]].entry(7)["identity"]}

    # one message

    def check(self, params: Message) -> None:
        """Compare what the page means with what is there."""
        meant = zip(
            params.get("indexes") or [params["index"]],
            params.get("identities") or [params["identity"]],
            strict=True,
        )
        talk = self.talks[params["session_id"]]
        if any(talk.entry(index)["identity"] != identity for index, identity in meant):
            raise Changed

    def on_raw(self, params: Message) -> Message:
        self.check(params)
        raw = '{"type":"human","data":{"content":"hello","big":12345678901234567890,"list":[],"a":[1]}}'
        return {"raw": raw, "chars": len(raw)}

    def on_full(self, params: Message) -> Message:
        self.check(params)
        offset = params["offset"]
        return {"text": "x" * 1000, "next": offset + 1000 if offset < 1000 else None}

    def on_image(self, params: Message) -> Message:
        self.check(params)
        dot = (
            "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
        )
        return {"data_url": "data:image/png;base64," + dot}

    def on_copy(self, params: Message) -> Message:
        self.check(params)
        return {"text": f"{params['format']} of {params['indexes']}"}

    def on_calls(self, params: Message) -> Message:
        self.check(params)
        calls = [{"name": f"tool_{i}", "args": "{}", "result": None} for i in range(params["start"], 60)]
        return {"tool_calls": calls, "total": 60}

    # find

    def on_find(self, params: Message) -> Message:
        return {
            "hits": [{"identity": f"text of {hit['index']}"} | hit for hit in self.hits],
            "count": len(self.hits),
            "sessions": len({hit["session_id"] for hit in self.hits}),
            "complete": True,
            "scanned": {"sessions": 1, "messages": 40},
        }

    def on_cancel(self, params: Message) -> Message:
        return {"cancelled": True}

    # changes

    def on_preview(self, params: Message) -> Message:
        return {"html": f"<p><strong>{len(params['text'])}</strong> characters</p>"}

    def on_append(self, params: Message) -> Message:
        talk = self.talks.setdefault(params["session_id"], Talk(0))
        entry = plain_entry(0) | {"role": params["role"], "html": "<p>appended</p>", "index": talk.length}
        talk.added[talk.length] = entry
        talk.length += 1
        return {"index": talk.length - 1, "total": talk.length}

    def on_append_json(self, params: Message) -> Message:
        if "bad" in params["text"]:
            return {
                "count": 0,
                "errors": [{"line": 2, "message": "there is no role"}],
                "index": None,
                "total": None,
            }
        talk = self.talks[params["session_id"]]
        if not params["dry_run"]:
            talk.length += 2
        return {"count": 2, "errors": [], "index": talk.length - 2, "total": talk.length}

    def on_remove(self, params: Message) -> Message:
        self.check(params)
        self.keep()
        self.epoch += 1
        talk = self.talks[params["session_id"]]
        self.talks[params["session_id"]] = Talk(talk.length - 1, talk.make)
        return {"epoch": self.epoch, "total": talk.length - 1, "undo": self.undo_state()}

    def on_measure_clear(self, params: Message) -> Message:
        sessions = [{"session_id": name, "length": self.talks[name].length} for name in params["session_ids"]]
        total = sum(one["length"] for one in sessions)
        return {"sessions": sessions, "messages": total, "bytes": total * 200, "undoable": True, "note": ""}

    def on_clear(self, params: Message) -> Message:
        self.keep()
        self.epoch += 1
        cleared = [name for name in params["session_ids"] if self.talks.pop(name, None)]
        self.talks |= self.later
        later = [{"session_id": name, "length": talk.length} for name, talk in self.later.items()]
        return {"cleared": cleared, "missing": [], "later": later, "undo": self.undo_state()}

    def keep(self) -> None:
        self.kept.append(dict(self.talks))

    def undo_state(self) -> Message | None:
        return {"available": True, "label": "Bring back what was removed"} if self.kept else None

    def on_undo(self, params: Message) -> Message:
        self.talks = self.kept.pop()
        self.epoch += 1
        name = next(iter(self.talks), "")
        total = self.talks[name].length if name else 0
        undone = {"label": "the removal", "session_id": name, "epoch": self.epoch, "total": total}
        return undone | {"undo": self.undo_state()}

    # follow, export

    def labelled(self, known: Message, params: Message) -> Message | None:
        tags = [tag for tag in [*known.get("tags", []), *params["add"]] if tag not in params["remove"]]
        now = {
            "star": params.get("star", known.get("star", False)),
            "tags": list(dict.fromkeys(tags)),
            "note": params.get("note", known.get("note", "")),
        }
        return now | {"author": "ann", "at": None} if any(now.values()) else None

    def on_label(self, params: Message) -> Message:
        self.check(params)
        talk = self.talks[params["session_id"]]
        entry = talk.entry(params["index"])
        entry["label"] = self.labelled(entry.get("label") or {}, {"add": [], "remove": []} | params)
        talk.added[params["index"]] = entry
        self.label_changed(params["session_id"], params["index"], params["identity"], entry["label"])
        return {"label": entry["label"]}

    def label_changed(self, session: str, index: int | None, identity: str, label: Message | None) -> None:
        about = {"session": session, "index": index, "identity": identity, "label": label}
        self.events.append({"event": "changed", "what": "label"} | about)

    def on_session_labels(self, params: Message) -> Message:
        talk = self.talks[params["session_id"]]
        here = [
            {"index": index, "was": index, "label": entry["label"]}
            for index, entry in sorted(talk.added.items())
            if entry.get("label")
        ]
        return {"label": self.labels.get(params["session_id"]), "messages": here + self.gone}

    def on_label_session(self, params: Message) -> Message:
        name = params["session_id"]
        self.labels[name] = self.labelled(self.labels.get(name) or {}, {"add": [], "remove": []} | params)
        self.label_changed(name, None, "", self.labels[name])
        return {"label": self.labels[name]}

    def on_compare(self, params: Message) -> Message:
        rows = (
            '<tr><td class="cm-equal" colspan="2"><div class="cm-text">Hello</div></td></tr>'
            '<tr><td><div class="cm-text">It is <del>nine</del></div></td>'
            '<td><div class="cm-text">It is <ins>ten</ins></div></td></tr>'
        )
        html = f'<div class="cm-compare"><details><summary>1 equal message</summary></details><table>{rows}</table></div>'
        return {"html": html, "style": ".cm-compare ins { background: rgb(1, 2, 3); }"}

    def on_follow(self, params: Message) -> Message:
        return {"on": params["on"]}

    def on_select(self, params: Message) -> Message:
        return {"selected": len(params["session_ids"])}

    def on_select_all(self, params: Message) -> Message:
        if params["matches"]:
            names = list(dict.fromkeys(hit["session_id"] for hit in self.hits))
        else:
            names = [name for name in self.talks if params["query"].lower() in name.lower()]
            names = names[params.get("start") or 0 : params.get("stop")]
        return {"selected": len(names), "session_ids": names}

    def on_to_variable(self, params: Message) -> Message:
        if params["name"] == "taken" and not params.get("overwrite"):
            raise KeyError("exists")
        return {"name": params["name"], "rows": 40} | self.redacted(params)

    def redacted(self, params: Message) -> Message:
        return {"redacted": {"values": 3, "left_out": 1}} if params.get("redact") else {}

    def on_export(self, params: Message) -> Message:
        data = base64.b64encode(b'{"session_id": "trip to Oslo"}\n').decode()
        suffix = FILE_FORMATS[params["format"]].suffix
        file = {"filename": f"chat{suffix}", "mime": "text/plain", "bytes": 31, "buffers": [data]}
        return file | self.redacted(params) | {"left_out": self.left_out}

    def on_code(self, params: Message) -> Message:
        made = "from chatmem_nb import UpstashSessionStore\n\nstore = UpstashSessionStore.from_env()\n"
        what = f"the {params['format']} file" if params.get("format") else "df"
        return {"code": f"{made}# {what} of {params['scope']}"}
