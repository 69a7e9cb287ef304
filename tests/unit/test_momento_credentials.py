"""Momento API keys from arguments and from the environment are never shown."""

from __future__ import annotations

import base64
import json
import traceback
from datetime import timedelta
from typing import Any

import pytest
from momento import CredentialProvider

from chatmem_nb.errors import InvalidInputError
from chatmem_nb.stores.momento import MomentoSessionStore, credential_provider

ENDPOINT = "cell-1.prod.a.momentohq.com"


def _token(claims: dict[str, Any]) -> str:
    parts = [json.dumps({"alg": "HS256"}), json.dumps(claims), "signature"]
    return ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts)


V1 = base64.b64encode(json.dumps({"endpoint": ENDPOINT, "api_key": "the-inner-key"}).encode()).decode()
V2 = _token({"t": "g", "jti": "secret-of-v2"})
LEGACY = _token({"cp": f"control.{ENDPOINT}", "c": f"cache.{ENDPOINT}", "sub": "secret-of-legacy"})


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("MOMENTO_AUTH_TOKEN", "MOMENTO_API_KEY", "MOMENTO_ENDPOINT"):
        monkeypatch.delenv(variable, raising=False)


def shape(provider: CredentialProvider) -> tuple[str, str, str]:
    return provider.auth_token, provider.control_endpoint, provider.cache_endpoint


def expected(key: str) -> tuple[str, str, str]:
    return key, f"control.{ENDPOINT}", f"cache.{ENDPOINT}"


def test_keys_of_every_kind_are_read_without_a_warning() -> None:
    assert shape(credential_provider(V1)) == expected("the-inner-key")
    assert shape(credential_provider(LEGACY)) == expected(LEGACY)
    assert shape(credential_provider(V2, endpoint=ENDPOINT)) == expected(V2)


@pytest.mark.filterwarnings("ignore:from_string is deprecated")
@pytest.mark.parametrize("key", [V1, LEGACY])
def test_a_key_means_what_the_original_reads_from_it(key: str) -> None:
    assert shape(credential_provider(key)) == shape(CredentialProvider.from_string(key))


def test_a_v2_key_needs_an_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidInputError, match="MOMENTO_ENDPOINT"):
        credential_provider(V2)
    monkeypatch.setenv("MOMENTO_ENDPOINT", ENDPOINT)
    assert shape(credential_provider(V2)) == expected(V2)
    assert shape(credential_provider(V2, endpoint="other.example"))[2] == "cache.other.example"


def test_an_explicit_key_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOMENTO_AUTH_TOKEN", LEGACY)
    monkeypatch.setenv("MOMENTO_API_KEY", LEGACY)
    assert credential_provider(V1).auth_token == "the-inner-key"


def test_the_environment_is_asked_in_the_order_of_the_original(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOMENTO_API_KEY", LEGACY)
    assert credential_provider().auth_token == LEGACY
    monkeypatch.setenv("MOMENTO_AUTH_TOKEN", V1)
    assert credential_provider().auth_token == "the-inner-key"
    monkeypatch.setenv("MOMENTO_AUTH_TOKEN", " ")
    assert credential_provider().auth_token == LEGACY


def test_a_key_of_the_environment_goes_to_no_endpoint_given_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOMENTO_API_KEY", V2)
    monkeypatch.setenv("MOMENTO_ENDPOINT", ENDPOINT)
    with pytest.raises(InvalidInputError, match="together"):
        credential_provider(endpoint="evil.example")


def test_a_line_end_in_the_environment_is_no_part_of_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOMENTO_API_KEY", V2 + "\n")
    monkeypatch.setenv("MOMENTO_ENDPOINT", ENDPOINT + "\n")
    assert shape(credential_provider()) == expected(V2)


def test_no_key_at_all_says_what_to_do() -> None:
    with pytest.raises(InvalidInputError, match="set MOMENTO_API_KEY"):
        credential_provider()
    with pytest.raises(InvalidInputError, match="set MOMENTO_API_KEY"):
        MomentoSessionStore.from_env("c")


@pytest.mark.parametrize(
    "key",
    [
        "",
        b"bytes",
        7,
        "no-key-at-all-but-secret",
        "secret\nkey",
        "secret key",
        "sécret",
        V1[:-8],
        base64.b64encode(b"secret, but no JSON").decode(),
        base64.b64encode(b"\xff\xfesecret").decode(),
        base64.b64encode(b'{"secret": 1}').decode(),
        base64.b64encode(b'["secret"]').decode(),
        _token({"secret": 1}),
        "a.secret.c",
        V2 + "\n",
    ],
)
def test_what_is_no_key_is_refused_and_not_shown(key: Any) -> None:
    with pytest.raises(InvalidInputError, match="Momento") as refused:
        credential_provider(key, endpoint=None)
    error = refused.value
    assert error.__cause__ is None
    assert error.__context__ is None
    shown = "".join(traceback.format_exception(error)) + repr(error)
    assert "secret" not in shown
    assert not isinstance(key, str) or not key or key not in shown


@pytest.mark.parametrize("endpoint", ["https://x.example", "x example", "x\n", "é.example"])
def test_an_endpoint_is_a_host_name(endpoint: str) -> None:
    with pytest.raises(InvalidInputError, match="host name"):
        credential_provider(V2, endpoint=endpoint)


def test_an_endpoint_beside_a_key_that_holds_one_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="its own endpoint"):
        credential_provider(V1, endpoint="x.example")


def test_a_store_of_the_environment_shows_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOMENTO_API_KEY", V2)
    monkeypatch.setenv("MOMENTO_ENDPOINT", ENDPOINT)
    with MomentoSessionStore.from_env("c", timedelta(hours=1), ttl=timedelta(minutes=5)) as store:
        assert (store.cache_name, store.ttl) == ("c", timedelta(minutes=5))
        for part in (store, store._transport, store._runner, store._plans):
            assert V2[:10] not in repr(part) + repr(vars(part))


@pytest.mark.parametrize("default_ttl", [None, 60, timedelta(0)])
def test_an_invalid_default_ttl_is_rejected(default_ttl: Any) -> None:
    with pytest.raises(InvalidInputError, match="ttl"):
        MomentoSessionStore.from_credentials(credential_provider(V1), "c", default_ttl)
