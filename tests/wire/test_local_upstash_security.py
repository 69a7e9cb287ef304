"""What LocalUpstash rejects: strangers, web pages, foreign scripts, and what would break it."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterator

import httpx
import pytest
from upstash_redis import Redis
from upstash_redis.errors import UpstashError

from chatmem_nb.errors import InvalidInputError
from chatmem_nb.local import LocalUpstash
from chatmem_nb.local.upstash import HttpLimits
from chatmem_nb.local.upstash.command_allowlist import ALLOWED, NOT_EMBEDDED
from chatmem_nb.stores.upstash.scripts import SCRIPTS

FLAGS = ["", "#!lua flags=allow-key-locking\n", "#!lua flags=no-writes,allow-key-locking\n"]
BODIES = sorted({re.sub(r"^#!lua[^\n]*\n", "", script) for script in SCRIPTS})


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def server(upstash: LocalUpstash) -> LocalUpstash:
    return upstash


@pytest.fixture
def redis(server: LocalUpstash) -> Iterator[Redis]:
    with Redis(server.url, server.token, rest_retries=0) as redis:
        yield redis


def ping(server: LocalUpstash, path: str = "/", **headers: str) -> httpx.Response:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    with httpx.Client(trust_env=False) as client:
        return client.post(server.url + path, json=["PING"], headers=names)


class TestTokens:
    @pytest.mark.parametrize("given", ["", "Bearer", "Bearer wrong", "Basic {}", "{}", "Bearer {}x"])
    def test_a_wrong_token_is_refused_with_401(self, server: LocalUpstash, given: str) -> None:
        answer = ping(server, Authorization=given.format(server.token))
        assert (answer.status_code, answer.json()) == (
            401,
            {"error": "WRONGPASS invalid or missing auth token"},
        )

    @pytest.mark.parametrize(
        "given", [b"Bearer \xff\xfe", b"Bearer " + "é".encode(), b"Bearer " + b"x" * 60_000]
    )
    def test_a_token_of_any_bytes_is_only_wrong(self, server: LocalUpstash, given: bytes) -> None:
        with httpx.Client(trust_env=False) as client:
            answer = client.post(server.url, json=["PING"], headers={b"Authorization": given})
        assert answer.status_code == 401

    def test_a_token_of_the_users_own_works(self) -> None:
        with LocalUpstash(token="mine é") as server, httpx.Client(trust_env=False) as client:
            headers = {b"Authorization": "Bearer mine é".encode()}
            assert client.post(server.url, json=["PING"], headers=headers).json() == {"result": "PONG"}

    def test_the_token_may_stand_in_the_url(self, server: LocalUpstash) -> None:
        assert ping(server, f"/?_token={server.token}").json() == {"result": "PONG"}
        assert ping(server, "/?_token=wrong").status_code == 401

    def test_a_token_is_random(self) -> None:
        with LocalUpstash() as one, LocalUpstash() as other:
            assert one.token != other.token
            assert len(one.token) >= 32

    def test_an_empty_token_asks_for_none(self) -> None:
        with LocalUpstash(token="") as server:
            assert ping(server).status_code == 200


class TestBrowsers:
    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Origin": "http://127.0.0.1:8888"},
            {"Sec_Fetch_Site": "cross-site"},
            {"Sec_Fetch_Site": "same-site"},
            {"Host": "evil.example"},
            {"Host": "evil.example:80"},
            {"Host": "127.0.0.1.evil.example"},
            {"Host": "127.0.0.1@evil.example"},
            {"Host": "[::1"},
            {"Host": ""},
        ],
    )
    def test_a_web_page_is_refused_with_403_though_it_had_the_token(
        self, server: LocalUpstash, headers: dict[str, str]
    ) -> None:
        answer = ping(server, Authorization=f"Bearer {server.token}", **headers)
        assert answer.status_code == 403
        assert not [name for name in answer.headers if name.startswith("access-control")]

    @pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1", "[::1]:5", "LOCALHOST"])
    def test_every_name_of_this_machine_is_fine(self, server: LocalUpstash, host: str) -> None:
        assert ping(server, Authorization=f"Bearer {server.token}", Host=host).status_code == 200

    def test_other_machines_are_let_in_on_demand_only(self) -> None:
        with pytest.raises(InvalidInputError, match="expose"):
            LocalUpstash(host="0.0.0.0")
        with LocalUpstash(host="0.0.0.0", expose=True) as server, httpx.Client(trust_env=False) as client:
            headers = {"Authorization": f"Bearer {server.token}", "Host": "my-machine"}
            url = f"http://127.0.0.1:{server.port}"
            assert client.post(url, json=["PING"], headers=headers).status_code == 200
            headers["Origin"] = "http://my-machine"
            assert client.post(url, json=["PING"], headers=headers).status_code == 403


@pytest.fixture(scope="module")
def small() -> Iterator[LocalUpstash]:
    with LocalUpstash(limits=HttpLimits(request_bytes=1000)) as server:
        yield server


class TestSizes:
    @pytest.mark.parametrize("size", [1001, 5000, 9000, 300_000])
    def test_a_large_request_is_refused_with_413_and_the_next_works(
        self, small: LocalUpstash, size: int
    ) -> None:
        headers = {"Authorization": f"Bearer {small.token}"}
        with httpx.Client(base_url=small.url, headers=headers, trust_env=False) as client:
            answer = client.post("/", content=b"x" * size)
            limits = f"Limit: 1000 bytes, Actual: {size} bytes"
            assert (answer.status_code, answer.json()) == (
                413,
                {"error": f"ERR max request size exceeded. {limits}"},
            )
            assert client.post("/", json=["PING"]).status_code == 200

    def test_a_large_request_without_a_token_is_refused_for_that(self, small: LocalUpstash) -> None:
        with httpx.Client(trust_env=False) as client:
            assert client.post(small.url, content=b"x" * 5000).status_code == 401

    def test_a_large_response_is_rejected_as_by_the_service(self, small: LocalUpstash) -> None:
        with Redis(small.url, small.token, rest_retries=0) as redis:
            for _ in range(3):
                redis.rpush("l", "x" * 400)
            with pytest.raises(UpstashError, match=r"Limit: 1000 bytes, Actual: 1200"):
                redis.lrange("l", 0, -1)
            assert redis.lrange("l", 1, 2) == ["x" * 400] * 2


class TestCommands:
    @pytest.mark.parametrize(
        "command",
        [
            "RESTORE k 0 x",
            "DUMP k",
            "FUNCTION LOAD x",
            "FCALL f 0",
            "CONFIG GET *",
            "ACL LIST",
            "CLIENT LIST",
            "DEBUG SLEEP 1",
            "SHUTDOWN",
            "SAVE",
            "MODULE LOAD x",
            "MULTI",
            "WATCH k",
            "SUBSCRIBE c",
            "MONITOR",
            "BLPOP k 0",
            "SELECT 1",
            "AUTH x",
            "HELLO 3",
            "MIGRATE h 1 k 0 1",
            "REPLICAOF h 1",
            "SWAPDB 0 1",
        ],
    )
    def test_a_command_off_the_list_is_not_run(self, server: LocalUpstash, command: str) -> None:
        with Redis(server.url, server.token, rest_retries=0) as redis:
            with pytest.raises(UpstashError, match="ERR Command is not available"):
                redis.execute(command.split())
            with pytest.raises(UpstashError, match="ERR Command is not available"):
                redis.execute(command.lower().split())
            assert redis.ping() == "PONG"

    def test_a_command_that_breaks_the_engine_is_an_error_and_the_others_run(
        self, server: LocalUpstash
    ) -> None:
        commands = [["SADD", "s", "a"], ["SRANDMEMBER", "s", "1", "-1"], ["SCARD", "s"]]
        with httpx.Client(trust_env=False) as client:
            headers = {"Authorization": f"Bearer {server.token}"}
            answers = client.post(f"{server.url}/pipeline", json=commands, headers=headers).json()
        assert answers[0] == answers[2] == {"result": 1}
        assert answers[1]["error"].startswith("ERR")

    def test_no_allowed_command_hangs_or_ends_the_server_when_sent_bare(self, redis: Redis) -> None:
        for command in sorted(ALLOWED - NOT_EMBEDDED):
            for arguments in ([], ["k"], ["k", "1"], ["k", "k", "k"], ["0", "k", "\x00", "-1"]):
                with contextlib.suppress(UpstashError):
                    redis.execute([command, *arguments])
        assert redis.ping() == "PONG"


FOREIGN = [
    "return 1",
    "return python.eval('1')",
    "return redis.call.__globals__",
    "return io.open('/etc/passwd')",
    "while true do end",
    "#!lua flags=no-writes\nreturn 1",
    SCRIPTS[0] + " ",
    " " + SCRIPTS[0],
    "#!lua flags=no-writes\n#!lua flags=no-writes\n" + BODIES[0],
    "#!lua flags=no-writes\r" + BODIES[0],
]


class TestScripts:
    @pytest.mark.parametrize("script", FOREIGN)
    def test_only_the_scripts_of_this_package_run(self, server: LocalUpstash, script: str) -> None:
        with Redis(server.url, server.token, rest_retries=0) as redis:
            for command in ("EVAL", "EVAL_RO", "eval"):
                with pytest.raises(UpstashError, match="only the scripts of chatmem_nb"):
                    redis.execute([command, script, 0])
            with pytest.raises(UpstashError, match="only the scripts of chatmem_nb"):
                redis.execute(["SCRIPT", "LOAD", script])
            for command in ("EVALSHA", "EVALSHA_RO"):
                with pytest.raises(UpstashError, match="NOSCRIPT"):
                    redis.execute([command, hashlib.sha1(script.encode()).hexdigest(), 0])

    @pytest.mark.parametrize("flags", FLAGS)
    @pytest.mark.parametrize("script", BODIES)
    def test_scripts_of_this_package_run_by_text_and_by_digest(
        self, server: LocalUpstash, script: str, flags: str
    ) -> None:
        with httpx.Client(trust_env=False) as client:
            headers = {"Authorization": f"Bearer {server.token}"}
            body = ["SCRIPT", "LOAD", flags + script]
            sha = client.post(server.url, json=body, headers=headers).json()["result"]
            for command in (["EVAL", flags + script], ["EVALSHA", sha], ["EVALSHA", sha.upper()]):
                body = [*command, 2, "k", "marker", 1000, 0, "x", 0, 0]
                text = client.post(server.url, json=body, headers=headers).text
                assert "only the scripts" not in text
                assert "NOSCRIPT" not in text
                assert "embedded engine failed" not in text

    def test_foreign_scripts_need_a_redis_server(self) -> None:
        with pytest.raises(InvalidInputError, match="redis_url"):
            LocalUpstash(scripts="any")
        with pytest.raises(InvalidInputError, match="'own' or 'any'"):
            LocalUpstash(scripts="all")
