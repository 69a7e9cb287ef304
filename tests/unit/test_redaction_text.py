"""What a redactor finds in a text, in whatever way it is written, and what it leaves alone."""

from __future__ import annotations

import base64
import copy
import pickle
import re
import time
from urllib.parse import quote, quote_plus

import pytest

from chatmem_nb import InvalidInputError, Redactor

KEY = "a key for tests, and for nothing else"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJib2IifQ.c2lnbmF0dXJlLW9mLWl0"
PRIVATE = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA+x/y\nZm9v\n-----END RSA PRIVATE KEY-----"

VALUES = {
    "EMAIL": ["bob@example.com", "Ann.O'Neil+x@mail.example.co.uk", "josé@münchen.example",
              '"a b"@example.com'],
    "PHONE": ["+1 415 555 2671", "(415) 555-2671", "415.555.2671", "4155552671", "14155552671",
              "0049 30 123456", "+49 (0)30 123456", "tel:+14155552671", "(555) 123-4567"],
    "CARD": ["4111 1111 1111 1111", "4111111111111111", "3782-822463-10005", "41 11 11 11 11 11 11 11",
             "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "x5555555555554444y"],
    "IP": ["192.168.100.7", "2001:db8::ff00:42:8329", "fe80::1%eth0", "::ffff:192.0.2.128"],
    "MAC": ["00:1A:2b:3C:4d:5E", "00-1a-2b-3c-4d-5e", "001a.2b3c.4d5e"],
    "API_KEY": [
        "sk-proj-abcdefghijklmnop_qrstuv-1234", "sk-ant-api03-abcdefghijklmnopqrstuv", "AKIAIOSFODNN7EXAMPLE",
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789", "github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz",
        "AIzaSyA-abcdefghijklmnopqrstuvwxyz01234", "xoxb-123456789012-abcdefghijkl", JWT, PRIVATE,
        "hf_abcdefghijklmnopqrstuvwxyzABCDEFGH", "sk_live_abcdefghijklmnop1234",
    ],
}  # fmt: skip
PLANTED = [(kind, value) for kind, values in VALUES.items() for value in values]

SECRETS = {
    "password: hunter2!": "hunter2!",
    '{"userPassword": "correct horse"}': "correct horse",
    "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG": "wJalrXUtnFEMI/K7MDENG",
    "Authorization: Bearer abcdef.123456.ghijkl": "abcdef.123456.ghijkl",
    "https://user:pa55w@rd@example.com/x": "pa55w@rd",
    "https://example.com/?a=1&X-Amz-Signature=0a1b2c3d": "0a1b2c3d",
    "https://example.com/cb#accessToken=zzzyyy": "zzzyyy",
    "my password is hunter2 now": "hunter2",
    "Passwort: geheim": "geheim",
    "密码：秘密秘密": "秘密秘密",
    '"client_secret":"GOCSPX-abc"': "GOCSPX-abc",
}

HARMLESS = [
    "2026-03-02 09:00:00.123456+00:00", "5b0e26ea4b8c4af09f4d76f5f8ec22c7", "1700000000000",
    "12345678-1234-1234-1234-123456789012", "a[1::2], std::vector, 12:30:45",
    "$1,234,567.89 or 2 000 000 000",
    "3.14159265358979", "@decorator def f(a@b): pass", "task-by-task, risk-adjusted-and-long-enough",
    "primary key: 42", "max_tokens: 4096", "The secret: be kind.",
    "the password is required", "x(.)y, a[.5], f(@decorator)", "width=40px",
    "see section 1.2.3", "order 1234567890",
]  # fmt: skip


def spellings(value: str) -> dict[str, str]:
    """`value` as hostile or careless writers write it."""
    wide = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in value)
    escaped = "".join(f"\\u{ord(c):04x}" for c in value if ord(c) < 0x10000)
    return {
        "upper": value.upper(),
        "lower": value.lower(),
        "full-width": wide,
        "zero-width": "\u200b".join(value),
        "soft hyphens": value[:3] + "\u00ad" + value[3:],
        "null bytes": value[:2] + "\x00" + value[2:],
        "combining": value[:2] + "\u0336" + value[2:],
        "json": escaped,
        "json in json": escaped.replace("\\", "\\\\"),
        "url": quote(value, safe=""),
        "url twice": quote(quote(value, safe=""), safe=""),
        "url of full-width": quote(wide),
        "html": "".join(f"&#{ord(c)};" for c in value),
        "html, hex, twice": "".join(f"&amp;#x{ord(c):x};" for c in value),
        "url in json": "".join(f"\\u{ord(c):04x}" for c in quote(value, safe="")),
    }


@pytest.mark.parametrize(("kind", "value"), PLANTED)
def test_each_kind_is_found(kind: str, value: str) -> None:
    redacted = Redactor().text(f"Here: {value}, and more.")
    assert f"[{kind}]" in redacted
    left = redacted.replace("tel:", "")
    assert re.fullmatch(rf"Here: \(?\[{kind}\]\W*y?, and more\.|Here: x\[CARD\]y, and more\.", left), redacted


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (k, v)
        for k, v in PLANTED
        if v not in (PRIVATE, JWT) and '"' not in v and not v.startswith(("x5", "tel:"))
    ],
)
def test_no_spelling_hides_a_value(kind: str, value: str) -> None:
    redactor = Redactor()
    for spelling, written in spellings(value).items():
        if spelling == "combining" and kind == "IP" and value.startswith("::"):
            continue  # the mark would stand on a colon, which is no letter that it could hide
        redacted = redactor.text(f"see {written} ok")
        assert "[" in redacted, (spelling, redacted)
        digits = re.sub(r"\D", "", value)
        assert written not in redacted, spelling
        assert len(redacted) < 40, (spelling, redacted)
        assert not digits or digits[-4:] not in redacted, spelling


@pytest.mark.parametrize(
    "text",
    ["bob[at]example[.]com", "bob (AT) example (DOT) com", "bob=40example.com", "10.0.0[.]1",
     "4111_1111_1111_1111", "user_4155552671_x", "b" * 200 + "@example.com", "bob&commat;example&period;com"],
)  # fmt: skip
def test_disguises_are_seen_through(text: str) -> None:
    redacted = Redactor().text(text)
    assert not re.search(r"bob|\d|bbb", redacted), redacted


def test_form_encoding_hides_no_number() -> None:
    assert Redactor().text(quote_plus("4111 1111 1111 1111")) == "[CARD]"
    assert Redactor().text("phone=" + quote_plus("+1 415 555 2671")) == "phone=[PHONE]"


@pytest.mark.parametrize(("text", "secret"), SECRETS.items())
def test_a_secret_is_found_by_its_name_or_its_place(text: str, secret: str) -> None:
    redacted = Redactor().text(text)
    assert secret not in redacted
    assert "[SECRET]" in redacted or "[EMAIL]" in redacted


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_secret_stays(text: str) -> None:
    assert Redactor().text(text) == text


def test_numbers_side_by_side_are_all_found() -> None:
    text = "4111111111111111 4012888888881881 and 2026 415 555 2671 4155552672"
    assert not re.search(r"\d", Redactor().text(text).replace("2026", ""))


def test_redacting_twice_changes_nothing() -> None:
    text = " ".join(value for _, value in PLANTED) + " ".join(SECRETS)
    for redactor in (Redactor(), Redactor(key=KEY)):
        once = redactor.text(text)
        assert redactor.text(once) == once


def test_a_value_has_one_pseudonym_however_it_is_written() -> None:
    redactor = Redactor(key=KEY)
    for written in ("(415) 555-2671", "+1 415 555 2671", "4155552671", "1-415-555-2671", "001 415 555 2671"):
        assert redactor.text(written) == redactor.text("+14155552671")
    for written in ("BOB@Example.com", "bob%40example.com", "bob\\u0040example.com", "b\u200bob@example.com"):
        assert redactor.text(written) == redactor.text("bob@example.com")
    assert redactor.text("4111-1111-1111-1111") == redactor.text("4111111111111111")
    assert redactor.text("2001:DB8:0:0::1") == redactor.text("2001:db8::1")


def test_pseudonyms_depend_on_the_value_and_on_the_key() -> None:
    one, other = Redactor(key=KEY), Redactor(key=KEY + "2")
    assert one.text("bob@example.com") != one.text("ann@example.com")
    assert one.text("bob@example.com") != other.text("bob@example.com")
    assert re.fullmatch(r"\[EMAIL:[a-p]{12}\]", one.text("bob@example.com"))
    assert one.text("bob@example.com") == Redactor(key=KEY.encode()).text("bob@example.com")


def test_the_key_is_nowhere() -> None:
    redactor = Redactor(key=KEY, patterns={"ticket": "TCK-[0-9]+"}, session_ids=True)
    redactor.text("bob@example.com")
    assert KEY not in repr(redactor) + str(vars(redactor)) + str(redactor.fingerprint())
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(redactor)
    with pytest.raises(TypeError, match="cannot be pickled"):
        copy.deepcopy(redactor)


def test_a_redactor_without_a_key_can_be_pickled() -> None:
    redactor = Redactor(kinds=["email"], patterns={"ticket": "TCK-[0-9]+"}, phone_regions=["DE"])
    again = pickle.loads(pickle.dumps(redactor))
    assert again.text("tck-12 bob@example.com") == "[TICKET] [EMAIL]"
    assert again.fingerprint() == redactor.fingerprint()


def test_own_patterns_and_detectors_are_found_as_well() -> None:
    class Result:  # as Presidio's RecognizerResult
        start, end, entity_type, score = 0, 5, "PERSON", 0.9

    def named(text: str) -> list[object]:
        return [Result()] if text.startswith("Alice") else []

    redactor = Redactor(patterns={"order no": r"ORD\d+"}, detectors=[named, lambda text: [(6, 8, "verb")]])
    assert redactor.text("Alice is ord12") == "[PERSON] [VERB] [ORDER_NO]"


@pytest.mark.parametrize("span", [(0, 99), (-1, 2), (3, 3), (0,), "ab", (0, "1"), None])
def test_an_invalid_span_stops_the_redaction(span: object) -> None:
    redactor = Redactor(detectors=[lambda text: [span]])
    with pytest.raises(InvalidInputError, match="span"):
        redactor.text("some text")


def test_overlapping_spans_become_one() -> None:
    redactor = Redactor(
        kinds=[],
        detectors=[lambda text: [(0, 4, "a"), (2, 9, "b"), (8, 10, "c"), (12, 13, "d"), (2, 9, "a2")]],
    )
    assert redactor.text("0123456789ABCDEF") in ("[B]AB[D]DEF", "[A2]AB[D]DEF")
    results = {redactor.text("0123456789ABCDEF") for _ in range(3)}
    assert len(results) == 1


@pytest.mark.parametrize(
    "settings",
    [
        {"key": "short"}, {"kinds": ["mail"]}, {"kinds": "email"}, {"patterns": {"x": "("}},
        {"patterns": {"email": "x"}}, {"patterns": {"1": "x"}}, {"patterns": {"x": re.compile(b"x")}},
        {"phone_regions": ["XX"]}, {"session_ids": True},
    ],
)  # fmt: skip
def test_settings_that_are_wrong_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(InvalidInputError):
        Redactor(**settings)


def test_kinds_that_are_not_asked_for_stay() -> None:
    assert Redactor(kinds=["ip"]).text("bob@example.com 10.0.0.1") == "bob@example.com [IP]"


def test_what_is_documented_as_not_found_is_not() -> None:
    """The documentation must not promise less than the truth, nor more."""
    for text in ("bob at example dot com", base64.b64encode(b"write to bob@example.com").decode()):
        assert Redactor().text(text) == text


HOSTILE = [
    "@", "a@", "a.", "@a.", "x@a.b.", "\\", "\\u", "\\u004", "%25", "%", "&amp;", "&", "4", "4 ", "41 ",
    "415 ",
    "+1", "+1 ", "415-", "0049 ", ":", "a:", "::a", "1.1.", "00:", "-----BEGIN PRIVATE KEY-----",
    "-----BEGIN ",
    "sk-", "eyJ", "eyJaaaaaaaa.", "password", "password:", "password: ", "?token=", "&a", "://", "api_key ",
    "a\u200b", "e\u0301", "４１", "12345678-1234-1234-1234-123456789012 ", "2026-03-02 ", '["a@x.com",', "[",
    "[EMAIL]", "[A", " {", "bearer ", "a_live_", "cookie=a;", 'password="', '"@a.b', "akia", "sg.",
    "key=key:",
    "https://a", "[at]", "(", " [dot] ", "=40", "a=40", "password is ", "pwd", "4_", "\u0130@",
    "discord.com/api/webhooks/1",
]  # fmt: skip


@pytest.mark.parametrize("unit", HOSTILE)
@pytest.mark.parametrize("length", [1_000, pytest.param(30_000, marks=pytest.mark.slow)])
def test_hostile_text_takes_linear_time(unit: str, length: int) -> None:
    redactor = Redactor()

    def cpu_s(size: int) -> float:
        text = unit * (size // len(unit)) + "x"
        start = time.thread_time()
        redactor.text(text)
        return time.thread_time() - start

    large = cpu_s(4 * length)
    if large < 0.1:  # too short to be compared
        return
    small = min(cpu_s(length), cpu_s(length + 1))
    limit = 10 * max(small, 0.01)  # for four times the text; quadratic would be 16
    assert large < limit or cpu_s(4 * length) < limit  # once more: the collector may have run


def test_patterns_have_names() -> None:
    with pytest.raises(InvalidInputError, match="patterns must be a mapping"):
        Redactor(patterns=["TCK-[0-9]+"])  # type: ignore[arg-type]  # the slip itself
