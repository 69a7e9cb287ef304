"""Message text as HTML: readable, and harmless whatever it holds."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser

import pytest

from chatmem_nb.highlighting import HIGHLIGHT_LIMIT
from chatmem_nb.markdown import clip, code_html, plain_html, showable, to_html, without_marks
from tests.unit.markdown_payloads import HOSTILE, SLOW

TAGS = {"p", "br", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "hr", "em", "strong"}
TAGS |= {"s", "code", "pre", "table", "thead", "tbody", "tr", "th", "td", "a", "span", "div"}
ATTRIBUTES = {
    "a": {"href", "title", "target", "rel"},
    "pre": {"class", "data-lang"},
    "ol": {"start"},
    **{tag: {"class"} for tag in ("span", "div", "th", "td")},
}


class Checked(HTMLParser):
    """Fails for every tag, attribute and address that may not be there."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS, tag
        for name, value in attrs:
            assert name in ATTRIBUTES.get(tag, set()), (tag, name)
            if name == "href":
                assert re.match(r"(https?://|mailto:)", value or "", re.IGNORECASE), value
            if name == "class":
                assert re.fullmatch(r"[a-z0-9-]+", value or "", re.IGNORECASE), value
        if tag == "a":
            assert ("target", "_blank") in attrs
            assert ("rel", "noopener noreferrer") in attrs

    def handle_comment(self, data: str) -> None:
        raise AssertionError("a comment")

    handle_decl = handle_pi = unknown_decl = handle_comment


def check(html: str) -> None:
    parser = Checked(convert_charrefs=True)
    parser.feed(html)
    parser.close()


@pytest.mark.parametrize("payload", HOSTILE)
def test_hostile_text_is_shown_and_never_runs(payload: str) -> None:
    for text in (
        payload,
        f"- {payload}",
        f"> {payload}",
        f"| a |\n|---|\n| {payload} |",
        f"[{payload}]({payload})",
    ):
        check(to_html(text))
    check(to_html(f"```{payload}\n{payload}\n```"))
    check(code_html(payload, payload))
    check(plain_html(payload))


@pytest.mark.parametrize("name", SLOW)
def test_text_made_to_be_slow_is_rendered_all_the_same(name: str) -> None:
    # Far above what any takes on a slow machine, and far below what a quadratic one would.
    before = time.process_time()
    html = to_html(SLOW[name][:1_000])
    check(html)
    assert time.process_time() - before < 5
    assert len(html) < 12 * 1_000 + 50_000


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
@pytest.mark.parametrize("length", [20_000, 50_000])
def test_no_text_takes_long_or_becomes_large(name: str, length: int) -> None:
    text = SLOW[name][:length]
    before = time.thread_time()
    html = to_html(text)
    assert time.thread_time() - before < 3  # the limit is 1 s; one step and the cleaner come on top
    assert len(html) < 12 * length + 50_000
    check(html)


def test_markdown_comes_out_as_such() -> None:
    html = to_html(
        "# Title\n\n**bold** ~~gone~~\n\n- one\n- two\n\n| a | b |\n|:-:|--:|\n| 1 | 2 |\n\nline\nbreak"
    )
    for part in ("<h1>Title</h1>", "<strong>bold</strong>", "<s>gone</s>", "<li>one</li>", "<br>"):
        assert part in html
    assert '<th class="cm-center">a</th>' in html
    assert '<td class="cm-right">2</td>' in html


def test_code_is_coloured_and_its_language_named() -> None:
    html = to_html('```python\ndef f(): return "x"\n```')
    assert '<pre class="cm-code" data-lang="python"><code>' in html
    assert '<span class="k">def</span>' in html


@pytest.mark.parametrize("info", ["nolanguage", "", "python " + "x" * 500, "<b>", "Python title=a"])
def test_code_of_any_language_keeps_its_words(info: str) -> None:
    html = to_html(f"```{info}\nx < 1\n```")
    assert "x" in re.sub("<[^>]*>", "", html)
    assert "&lt;" in html


def test_long_code_is_not_coloured() -> None:
    assert "<span" in to_html("```python\nx = 1\n```")
    assert "<span" not in code_html("x = 1\n" * HIGHLIGHT_LIMIT, "python")


def test_code_keeps_its_lines_to_the_last_blank() -> None:
    assert re.sub("<[^>]*>", "", code_html("\n\n a\n\n\n", "python")) == "\n\n a\n\n\n\n"


@pytest.mark.parametrize(
    "formula",
    [
        "$a_1 * b_2 * c$",
        "$$\\sum_{i=1}^n x_i$$",
        "\\(a_b * c_d\\)",
        "\\[x \\\\ y\\]",
        "$$\n- x\n= y\n$$",
        "\\[\n* a\n\\]",
    ],
)
def test_formulas_stay_as_they_were_written(formula: str) -> None:
    text = re.sub("<[^>]*>", "", to_html(f"It is\n\n{formula}\n\nas you see."))
    assert formula in text.replace("&amp;", "&")


def test_money_is_no_formula() -> None:
    html = to_html("It costs $5 and *not* $10.")
    assert "cm-math" not in html
    assert "<em>not</em>" in html


def test_a_formula_in_code_is_code() -> None:
    assert "cm-math" not in to_html("`$a$`")


def test_images_are_labels_and_nothing_is_fetched() -> None:
    html = to_html("![a *cat*](https://example.com/cat.png)")
    assert html == '<p><span class="cm-image">image: a cat (https://example.com/cat.png)</span></p>\n'


@pytest.mark.parametrize(
    "target", ["javascript:alert(1)", "/lab/api", "//example.com", "data:text/html,x", "a.html", "#x"]
)
def test_a_link_to_anything_but_the_web_or_mail_is_text(target: str) -> None:
    assert "<a" not in to_html(f"[x]({target})")


def test_a_link_to_the_web_opens_outside() -> None:
    html = to_html('[x](https://example.com "t")')
    assert html == (
        '<p><a href="https://example.com" title="t" target="_blank" rel="noopener noreferrer">x</a></p>\n'
    )


def test_what_no_page_can_show_is_marked() -> None:
    assert showable("a\x00b\x1b[31m\ud800c\td\n") == "a\ufffdb\ufffd[31m\ufffdc\td\n"
    assert showable("a\r\nb\rc") == "a\nb\nc"
    assert showable("plain é 漢字 👋") == "plain é 漢字 👋"
    to_html("\ud800 *x*").encode()


def test_text_beyond_the_limit_comes_out_plain() -> None:
    assert to_html("*x*" * 20, limit=50).startswith('<div class="cm-plain">*x*')


def test_nesting_without_end_is_shown_as_text() -> None:
    check(to_html("> " * 2_000 + "x"))
    check(to_html("- " * 2_000 + "x"))


def test_clip_says_what_was_cut() -> None:
    assert clip("abc", 3) == ("abc", None)
    assert clip("abcd", 3) == ("abc", 4)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# Policy\n\n- **Bold** and `code`", "Policy Bold and code"),
        ("see [the ferry](https://example.org)", "see the ferry"),
        ("> quoted *once*", "quoted once"),
        ("2 * 3 * 4 and snake_case_name", "2 * 3 * 4 and snake_case_name"),
        ("**cut off", "cut off"),
        ("Fares:\n\n| From | To |\n|:---|---:|\n| SFO | **JFK** |", "Fares: From To SFO JFK"),
        ("a | b\n--|--\n1 | 2", "a b 1 2"),
        ("| a | b |\n|---|--", "a b"),
        ("ls | wc, either|or", "ls | wc, either|or"),
        ("above\n\n---\n\n* * *\n___ \nbelow", "above below"),
        ("Title\n=====\nText", "Title Text"),
        ("## Closed ##\nC# and F #", "Closed C# and F #"),
        ("- [x] done\n- [ ] not done", "done not done"),
        ("-5 and -- and |x|", "-5 and -- and |x|"),
    ],
)
def test_markdown_is_left_out_of_a_line(text: str, words: str) -> None:
    assert " ".join(without_marks(text).split()) == words


@pytest.mark.parametrize(
    "text", [" " * 500 + "-" * 500 + "x|", "-" * 12_000 + "x|", "|-\n" + " " * 8_000 + "x"]
)
def test_marks_of_tables_are_left_out_in_proportion_to_the_text(text: str) -> None:
    started = time.thread_time()
    without_marks(text)
    assert time.thread_time() - started < 0.5
