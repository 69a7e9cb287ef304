"""Two sessions side by side: what is align, what is marked, and that nothing in it runs."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from chatmem_nb.comparison.alignment import align, matching_runs
from chatmem_nb.comparison.comparison import Comparison
from chatmem_nb.comparison.words import mark_differences
from chatmem_nb.records import encode_all, parse_all
from tests.conversations import generated
from tests.unit.markdown_payloads import HOSTILE

SAFE_TAGS = {"div", "table", "thead", "tbody", "tr", "th", "td", "b", "bdi", "p", "del", "ins", "details"}
SAFE_TAGS |= {"summary", "style"}


def compared(left: Sequence[BaseMessage], right: Sequence[BaseMessage]) -> Comparison:
    return Comparison(("a", "b"), (parse_all(encode_all(left)), parse_all(encode_all(right))))


def call(city: str, call_id: str = "c1") -> AIMessage:
    args = {"city": city, "unit": "celsius"}
    return AIMessage("", tool_calls=[{"name": "weather", "args": args, "id": call_id}])


def marks(html: str, tag: str) -> list[str]:
    return [unescape(text) for text in re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)]


def test_messages_that_say_the_same_are_equal_whatever_their_ids_times_and_tokens() -> None:
    counts = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
    left = [HumanMessage("Hi", id="1"), AIMessage("Hello", id="2", usage_metadata=counts), call("Rome", "c1")]
    right = [HumanMessage("Hi", id="8"), AIMessage("Hello", id="9"), call("Rome", "c9")]
    found = compared(left, right)
    assert (found.equal, found.changed, found.only) == (3, 0, (0, 0))
    assert not marks(found.to_html(), "del") + marks(found.to_html(), "ins")


def test_changed_words_are_marked_on_their_side() -> None:
    html = compared(
        [AIMessage("The night train leaves at nine.")], [AIMessage("The night train leaves at ten.")]
    ).to_html()
    assert (marks(html, "del"), marks(html, "ins")) == (["nine"], ["ten"])


def test_changed_arguments_of_a_call_are_marked_and_the_others_are_not() -> None:
    html = compared([call("Rome")], [call("Oslo")]).to_html()
    assert (marks(html, "del"), marks(html, "ins")) == (["Rome"], ["Oslo"])
    assert html.count("celsius") == 2


def test_arguments_in_another_order_are_equal() -> None:
    other = AIMessage(
        "", tool_calls=[{"name": "weather", "args": {"unit": "celsius", "city": "Rome"}, "id": "x"}]
    )
    assert compared([call("Rome")], [other]).equal == 1


def test_a_turn_that_only_one_has_is_blank_on_the_other_side() -> None:
    left = [HumanMessage("Hi"), AIMessage("Hello"), HumanMessage("Bye")]
    found = compared(left, [left[0], left[2]])
    assert (found.equal, found.changed, found.only) == (2, 0, (1, 0))
    [row] = re.findall(r"<tr>(?:(?!</tr>).)*cm-none.*?</tr>", found.to_html(), re.DOTALL)
    assert row.index("Hello") < row.index("cm-none")


def test_a_changed_message_stands_beside_its_other_version_and_not_beside_its_neighbour() -> None:
    left = [HumanMessage("Book a flight to Oslo for two"), AIMessage("I booked a flight for two people.")]
    right = [
        HumanMessage("Good morning"),
        AIMessage("Good morning to you"),
        HumanMessage("Book a flight to Oslo for one"),
        AIMessage("I booked a flight for one person."),
    ]
    found = compared(left, right)
    assert (found.changed, found.only) == (2, (0, 2))


def test_a_message_of_the_same_record_id_is_a_version_of_it_however_much_it_changed() -> None:
    [raw] = encode_all([HumanMessage("one thing")])
    left = parse_all([raw])
    right = parse_all([*encode_all([HumanMessage("x")]), raw.replace("one thing", "quite another")])
    found = Comparison(("a", "b"), (left, right))
    assert (found.changed, found.only) == (1, (0, 1))


def test_totals_of_messages_tokens_and_failed_calls_are_at_the_top() -> None:
    counts = {"input_tokens": 1_000, "output_tokens": 234, "total_tokens": 1_234}
    left = [call("Rome"), ToolMessage("Error: no such city", tool_call_id="c1", status="error")]
    right = [call("Rome"), ToolMessage("Sunny", tool_call_id="c1"), AIMessage("Sun", usage_metadata=counts)]
    html = compared(left, right).to_html()
    head = html[html.index('class="cm-totals"') : html.index("<p>")]
    rows = dict(re.findall(r'scope="row">(.*?)</th>(.*?)</tr>', head))
    cells = {name: re.findall("<td>(.*?)</td>", row) for name, row in rows.items()}
    assert cells == {
        "messages": ["2", "3"],
        "tokens": ["not recorded", "1,234"],
        "failed calls": ["1", "0"],
    }
    assert "(failed)" in html


def test_messages_are_of_whom_the_browser_says_they_are() -> None:
    developer = SystemMessage("Be kind.", additional_kwargs={"__openai_role__": "developer"})
    talk = [developer, HumanMessage("hi", name="Ada"), AIMessage("hello"), ChatMessage("so", role="narrator")]
    html = compared(talk, []).to_html()
    heads = re.findall(r'<div class="cm-head"><b><bdi>(.*?)</bdi>', html)
    assert heads == ["System", "Human (Ada)", "AI", "narrator"]


def test_an_unreadable_record_is_shown_and_compared() -> None:
    found = Comparison(("a", "b"), (parse_all(["{broken one"]), parse_all(["{broken two"])))
    html = found.to_html()
    assert "cannot be read" in html
    assert (marks(html, "del"), marks(html, "ins")) == (["one"], ["two"])


def test_many_equal_turns_are_folded() -> None:
    talk = [HumanMessage(f"question {number}") for number in range(20)]
    html = compared(talk, [*talk, AIMessage("more")]).to_html()
    assert "<summary>20 equal messages</summary>" in html
    assert html.count("question 7") == 1


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        self.attributes |= {name for name, _ in attrs}


@pytest.mark.parametrize("payload", HOSTILE)
def test_hostile_text_stays_text_wherever_it_stands(payload: str) -> None:
    nasty: list[BaseMessage] = [
        HumanMessage(payload, name=payload),
        AIMessage("", tool_calls=[{"name": payload, "args": {payload: payload}, "id": "1"}]),
        ToolMessage(payload, tool_call_id="1", name=payload),
        AIMessage([{"type": "reasoning", "reasoning": payload}, {"type": payload, payload: payload}]),
    ]
    other = [*nasty[:2], HumanMessage(payload + " and more"), *nasty[3:]]
    records = parse_all(encode_all(nasty)), parse_all(encode_all(other))
    tags = Tags()
    tags.feed(Comparison((payload, "b"), records).to_html())
    assert tags.found <= SAFE_TAGS
    assert tags.attributes <= {"class", "scope", "colspan"}


def test_no_mathjax_typesets_it() -> None:
    assert "mathjax_ignore" in compared([HumanMessage("$x$")], [HumanMessage("$y$")]).to_html()


@pytest.mark.slow
def test_a_notebook_shows_a_part_of_what_is_very_long_and_says_so() -> None:
    left = [HumanMessage(f"{number} " + "word " * 3_000) for number in range(150)]
    right = [HumanMessage(f"{number} " + "other " * 3_000) for number in range(150)]
    found = compared(left, right)
    assert len(found._repr_html_()) < 3_100_000
    assert "more rows are not shown here" in found._repr_html_()
    assert "more rows are not shown here" not in found.to_html()


def _edited(talk: list[BaseMessage]) -> list[BaseMessage]:
    edited = []
    for place, message in enumerate(talk):
        if place % 10 != 3:
            text = str(message.content)
            changed = text.replace("river", "stream") if place % 3 else text
            edited.append(message.model_copy(update={"content": changed}))
        if place % 10 == 7:
            edited.append(HumanMessage(f"inserted {place}"))
    return edited


def _talk(messages: int) -> list[BaseMessage]:
    texts: list[Any] = [record for entry in generated() for record in entry.records]
    return [record.message for record in parse_all([*texts, *texts][:messages])]


@pytest.mark.slow
def test_2000_messages_a_side_take_no_time_that_one_notices() -> None:
    left = _talk(2_000)
    right = _edited(left)
    records = parse_all(encode_all(left)), parse_all(encode_all(right))
    start = time.thread_time()
    found = Comparison(("a", "b"), records)
    html = found._repr_html_()
    took = time.thread_time() - start
    assert len(records[0]) == 2_000
    assert found.only == (200, 200)
    assert html.count("<ins>stream") > 50
    assert took < 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("left", "right"),
    [
        (["a"] * 1_500, ["a", "b"] * 750),
        (["a", "b"] * 750, ["b", "b", "a"] * 500),
        ([str(n % 100) for n in range(1_500)], [str(n * 7 % 100) for n in range(1_500)]),
        ([str(n) for n in range(1_500)], [str(n + n % 2) for n in range(1_500)]),
    ],
)
def test_repetitive_sequences_are_aligned_in_bounded_time(left: list[str], right: list[str]) -> None:
    start = time.thread_time()
    pairs = align(left, right, [lambda item: item, lambda item: 0])
    assert time.thread_time() - start < 3
    assert [one for one, _ in pairs if one is not None] == left
    assert [other for _, other in pairs if other is not None] == right


def test_runs_are_equal_and_in_order() -> None:
    left, right = list("xabcabba" * 400), list("cbabacx" * 450)
    at = there = 0
    for start, begin, size in matching_runs(left, right):
        assert start >= at
        assert begin >= there
        at, there = start + size, begin + size
        assert left[start:at] == right[begin:there]
    assert at > 0


@pytest.mark.slow
def test_a_long_change_within_one_text_is_bounded() -> None:
    start = time.thread_time()
    mark_differences("a b " * 5_000, "b b a " * 3_333)
    assert time.thread_time() - start < 3


def test_texts_with_nothing_in_common_are_marked_as_a_whole() -> None:
    assert mark_differences("one two three", "vier fünf sechs") == (
        "<del>one two three</del>",
        "<ins>vier fünf sechs</ins>",
    )


def test_the_white_space_behind_a_changed_word_is_not_marked() -> None:
    assert mark_differences("a b c d", "a x c d") == ("a <del>b</del> c d", "a <ins>x</ins> c d")


def test_a_long_message_that_is_equal_is_folded_to_its_first_words() -> None:
    rules = "Be kind to all. " * 100
    both = [HumanMessage(rules), HumanMessage("short and equal")]
    html = compared([*both, AIMessage("a")], [*both, AIMessage("b")]).body(limit=100_000)
    [summary] = re.findall(r"<summary>(.*?)</summary>", html)
    assert "#1: Be kind to all. Be kind" in summary
    assert len(summary) < 250
    assert html.count("short and equal") == 1
