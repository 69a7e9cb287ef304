"""The URL and the token of UpstashSessionStore: from arguments and from the environment."""

from __future__ import annotations

import traceback
from typing import Any

import pytest

from chatmem_nb import errors
from chatmem_nb.local import LocalUpstash
from chatmem_nb.stores.upstash import UpstashSessionStore
from tests.wire.upstash_failures import (
    TOKEN,
)

BAD_URLS = [
    "",
    None,
    7,
    "example.upstash.io",
    "ftp://example.upstash.io",
    "redis://default:pw@example.upstash.io:6379",
    "rediss://default:pw@example.upstash.io:6379",
    "https://",
    "https://:443",
    "https://example.upstash.io:port",
    "https://example.upstash.io:99999",
    "https://user:pw@example.upstash.io",
    "https://example.upstash.io/?_token=pw",
    "https://example.upstash.io/#pw",
    "https://example.upstash.io\n",
    " https://example.upstash.io",
    "https://exa mple.upstash.io",
    "https://[::1",
    TOKEN,
]


@pytest.mark.parametrize("url", BAD_URLS)
def test_a_url_that_cannot_be_one_is_refused_without_showing_it(url: Any) -> None:
    with pytest.raises(errors.InvalidInputError) as failed:
        UpstashSessionStore(url, TOKEN)
    shown = "".join(traceback.format_exception(failed.value))
    assert TOKEN not in str(failed.value)
    assert "pw@" not in shown
    assert "=pw" not in shown
    assert "url" in str(failed.value)


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        (7, "url must be text, got int"),
        (None, "url is missing"),
        ("'https://example.upstash.io'", "begins or ends with a quotation mark"),
        (" https://example.upstash.io", "contains a space"),
        ("ftp://example.upstash.io", "another scheme than https"),
        ("example.upstash.io", "no scheme"),
    ],
)
def test_a_url_is_refused_for_what_is_wrong_with_it(url: Any, fault: str) -> None:
    with pytest.raises(errors.InvalidInputError, match=fault):
        UpstashSessionStore(url, TOKEN)


@pytest.mark.parametrize(
    "token", ["", None, 7, f"{TOKEN}\n", f" {TOKEN}", f"{TOKEN}\x00", f"é{TOKEN}", "a\tb", "a\r\nX: y"]
)
def test_a_token_that_cannot_be_one_is_refused_without_showing_it(token: Any) -> None:
    with pytest.raises(errors.InvalidInputError) as failed:
        UpstashSessionStore("https://example.upstash.io", token)
    shown = "".join(traceback.format_exception(failed.value))
    assert TOKEN not in shown
    assert "token" in str(failed.value)


def test_url_and_token_come_from_the_environment_as_a_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalUpstash() as server:
        monkeypatch.setenv("UPSTASH_REDIS_REST_URL", server.url)
        monkeypatch.delenv("UPSTASH_REDIS_REST_TOKEN", raising=False)
        with pytest.raises(errors.InvalidInputError, match=r"^UPSTASH_REDIS_REST_TOKEN must be set"):
            UpstashSessionStore.from_env()
        monkeypatch.setenv("UPSTASH_REDIS_REST_TOKEN", server.token)
        with UpstashSessionStore.from_env(key_prefix="env:") as store:
            assert store.append("s", ["r"]) == 1
            assert store.key_prefix == "env:"
        monkeypatch.setenv("UPSTASH_REDIS_REST_URL", "")
        with pytest.raises(errors.InvalidInputError, match=r"^UPSTASH_REDIS_REST_URL must be set"):
            UpstashSessionStore.from_env()
