"""Control characters of a chat are shown, and obeyed by no terminal."""

from __future__ import annotations

import json
import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage

from chatmem_nb import UpstashRedisChatMessageHistory, export
from chatmem_nb.local import LocalUpstash
from chatmem_nb.plain_text import escaped, escaped_json
from chatmem_nb.records import StoredMessage, encode, parse_all
from chatmem_nb.widgets.snapshot import Snapshot
from chatmem_nb.widgets.transcript import _COPIES, _as_json

HOSTILE = "\x1b]0;title\x07\x1b[2J\x9b31m \u202eevil\u2066 \x00\x7f tab\t"
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def records() -> list[StoredMessage]:
    return parse_all([encode(HumanMessage(HOSTILE)), encode(AIMessage("$x$ \\(y\\)", name=HOSTILE)), HOSTILE])


@given(st.text())
def test_no_control_character_is_left(text: str) -> None:
    assert not CONTROLS.search(escaped(text))
    if not CONTROLS.search(text):
        assert escaped(text) == text


@given(
    st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
)
def test_json_stays_the_same_value(value: object) -> None:
    text = escaped_json(json.dumps(value, ensure_ascii=False))
    assert not CONTROLS.search(text)
    assert json.loads(text) == value


def test_a_history_prints_no_control_character() -> None:
    with LocalUpstash() as server, server.store() as store:
        history = UpstashRedisChatMessageHistory.from_store(store, "s")
        history.add_messages([HumanMessage(HOSTILE), AIMessage("a\nb")])
        html = history._repr_html_()
        assert not CONTROLS.search(html)
        assert "tex2jax_ignore mathjax_ignore" in html
        assert str(history) == f"Human: {escaped(HOSTILE)}\nAI: a\nb"
        assert "\\x1b]0;title\\x07" in str(history)


def test_what_is_copied_holds_no_control_character() -> None:
    for form in _COPIES.values():
        assert not CONTROLS.search("".join(map(form, records())))
    chat = records()
    copied = _as_json(chat)
    assert not CONTROLS.search(copied)
    assert json.loads(copied) == [json.loads(chat[0].raw), json.loads(chat[1].raw), HOSTILE]


def test_names_cannot_reverse_the_page_around_them(tmp_path: Path) -> None:
    snapshot = Snapshot(HOSTILE, records(), 3).html
    assert snapshot.startswith("<div class='tex2jax_ignore mathjax_ignore'>")
    report = export(records(), tmp_path / "x.html", progress=False)
    page = report.path.read_text()
    assert "base-uri 'none'; form-action 'none'" in page
    for html in (snapshot, page):
        named = [found.start() for found in re.finditer("\u202eevil", html)]
        isolated = [match.span() for match in re.finditer(r"<bdi>[^<]*</bdi>|<(p|div)( [^>]*)?>[^<]*", html)]
        assert named
        assert all(any(start <= at < end for start, end in isolated) for at in named)
