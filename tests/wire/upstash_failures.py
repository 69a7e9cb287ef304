"""Every failure of Upstash and of the way to it, and the error that it is here."""

from __future__ import annotations

import json
import socket
import time

import pytest

from chatmem_nb import errors
from tests.fault_proxy import read_message
from tests.odd_server import Talk, answers

TOKEN = "AX-secret-token-0123456789"


HTML = b"<!doctype html><html><body>Welcome</body></html>"


def error(text: str) -> bytes:
    return json.dumps({"error": text}).encode()


def cut(connection: socket.socket) -> None:
    while read_message(connection):
        connection.sendall(
            b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"result":'
        )
        connection.shutdown(socket.SHUT_RDWR)


def gone(connection: socket.socket) -> None:
    read_message(connection)


def silent(connection: socket.socket) -> None:
    while connection.recv(65_536):
        pass


def trickle(connection: socket.socket) -> None:
    while read_message(connection):
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n"
        )
        while True:
            connection.sendall(b" ")
            time.sleep(0.05)


def trickling_head(connection: socket.socket) -> None:
    while read_message(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        while True:
            connection.sendall(b"x")
            time.sleep(0.05)


def no_http(connection: socket.socket) -> None:
    while connection.recv(65_536):
        connection.sendall(b"-ERR unknown command\r\n\r\n")


# What comes, which error it is, and what its text tells.
TABLE: list[tuple[str, Talk, type[errors.StoreError], str]] = [
    (
        "wrong token",
        answers("401 Unauthorized", error("WRONGPASS invalid or missing auth token")),
        errors.StoreAuthError,
        "refused the token",
    ),
    (
        "unauthorized",
        answers("401 Unauthorized", error("Unauthorized")),
        errors.StoreAuthError,
        "refused the token",
    ),
    (
        "unauthorized page",
        answers("401 Unauthorized", HTML, "text/html"),
        errors.StoreAuthError,
        "refused the token",
    ),
    ("forbidden", answers("403 Forbidden", b"no"), errors.StoreAuthError, "HTTP 403"),
    (
        "read-only token",
        answers("400 Bad Request", error("NOPERM this user has no permissions to run the 'lpush' command")),
        errors.StoreAuthError,
        "read-only",
    ),
    (
        "scripts and all else refused",
        answers("400 Bad Request", error("NOPERM this user has no permissions to run the 'eval' command")),
        errors.StoreAuthError,
        "may not",
    ),
    (
        "no database",
        answers("404 Not Found", b"not found", "text/plain"),
        errors.StoreNotFoundError,
        "no database",
    ),
    (
        "daily limit",
        answers(
            "400 Bad Request", error("ERR max daily request limit exceeded. Limit: 10000, Usage: 10000.")
        ),
        errors.StoreLimitError,
        "10000",
    ),
    (
        "monthly limit",
        answers("400 Bad Request", error("ERR max requests limit exceeded. Limit: 500000")),
        errors.StoreLimitError,
        "500000",
    ),
    (
        "limit with 429",
        answers("429 Too Many Requests", error("ERR max daily request limit exceeded.")),
        errors.StoreLimitError,
        "daily",
    ),
    (
        "request too large",
        answers("400 Bad Request", error("ERR max request size exceeded. Limit: 10485760 bytes")),
        errors.StoreLimitError,
        "max_request_bytes",
    ),
    (
        "request too large for a proxy",
        answers("413 Payload Too Large", HTML, "text/html"),
        errors.StoreLimitError,
        "max_request_bytes",
    ),
    (
        "record too large",
        answers("400 Bad Request", error("ERR max single record size exceeded.")),
        errors.StoreLimitError,
        "single record",
    ),
    (
        "key too large",
        answers("400 Bad Request", error("ERR max key size exceeded. Limit: 32768 bytes")),
        errors.StoreLimitError,
        "key size",
    ),
    (
        "database full",
        answers("400 Bad Request", error("ERR DB capacity quota exceeded")),
        errors.StoreLimitError,
        "quota",
    ),
    (
        "out of memory",
        answers("400 Bad Request", error("OOM command not allowed when used memory > 'maxmemory'.")),
        errors.StoreLimitError,
        "limit",
    ),
    *(
        (
            text.split()[0],
            answers("400 Bad Request", error(text)),
            kind,
            advice,
        )
        for text, kind, advice in (
            (
                "OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'",
                errors.StoreLimitError,
                "delete sessions",
            ),
            (
                "READONLY You can't write against a read only replica.",
                errors.StoreUnavailableError,
                "url of the primary",
            ),
            (
                "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to "
                "disk. Commands that may modify the data set are disabled",
                errors.StoreUnavailableError,
                "free disk space",
            ),
            (
                "NOREPLICAS Not enough good replicas to write.",
                errors.StoreUnavailableError,
                "replicas",
            ),
            (
                "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
                errors.StoreUnavailableError,
                "try again later",
            ),
            (
                "CLUSTERDOWN The cluster is down",
                errors.StoreUnavailableError,
                "try again later",
            ),
            (
                "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
                errors.StoreUnavailableError,
                "try again later",
            ),
            (
                "TRYAGAIN Multiple keys request during rehashing of slot",
                errors.StoreUnavailableError,
                "try again later",
            ),
            ("MOVED 3999 127.0.0.1:6381", errors.StoreUnavailableError, "not sharded"),
            (
                "CROSSSLOT Keys in request don't hash to the same slot",
                errors.StoreUnavailableError,
                "not sharded",
            ),
        )
    ),
    (
        "an error in a script of Redis 7",
        answers(
            "400 Bad Request",
            error(
                "OOM command not allowed when used memory > 'maxmemory'. script: "
                "bce4d57edee0281bf9a66a0718e800aa5257aed6, on @user_script:1."
            ),
        ),
        errors.StoreLimitError,
        "'maxmemory'.)",
    ),
    ("throttled", answers("429 Too Many Requests", error("too many")), errors.StoreThrottledError, "429"),
    (
        "throttled page",
        answers("429 Too Many Requests", HTML, "text/html"),
        errors.StoreThrottledError,
        "429",
    ),
    (
        "connections",
        answers("400 Bad Request", error("ERR max concurrent connections exceeded")),
        errors.StoreThrottledError,
        "rate limit",
    ),
    (
        "loading",
        answers("400 Bad Request", error("LOADING Redis is loading the dataset in memory")),
        errors.StoreUnavailableError,
        "at the moment",
    ),
    (
        "failed",
        answers("500 Internal Server Error", error("ERR internal")),
        errors.StoreUnavailableError,
        "HTTP 500",
    ),
    ("bad gateway", answers("502 Bad Gateway", HTML, "text/html"), errors.StoreResponseError, "web page"),
    (
        "unavailable",
        answers("503 Service Unavailable", b"", "text/plain"),
        errors.StoreUnavailableError,
        "HTTP 503",
    ),
    ("some web site", answers("200 OK", HTML, "text/html"), errors.StoreResponseError, "web page"),
    (
        "a web site's refusal",
        answers("405 Method Not Allowed", HTML, "text/html"),
        errors.StoreResponseError,
        "web page",
    ),
    (
        "a redirect",
        answers("301 Moved", b"", "text/plain", "Location: https://elsewhere.example/\r\n"),
        errors.StoreResponseError,
        "redirects",
    ),
    ("cut", cut, errors.StoreResponseError, "truncated"),
    (
        "cut, with a length that fits",
        answers("200 OK", b'{"result": [1, '),
        errors.StoreResponseError,
        "truncated",
    ),
    ("empty", answers("200 OK", b""), errors.StoreResponseError, "truncated"),
    ("a foreign answer", answers("200 OK", b'{"ok": true}'), errors.StoreResponseError, "not from Upstash"),
    ("a list", answers("200 OK", b"[]"), errors.StoreResponseError, "not from Upstash"),
    (
        "no text",
        answers("200 OK", b"\xff\xfe\x00", "text/plain"),
        errors.StoreResponseError,
        "not from Upstash",
    ),
    (
        "a wrong kind",
        answers("200 OK", b'{"result": {"a": 1}}'),
        errors.StoreResponseError,
        "expected an integer",
    ),
    (
        "an unknown error",
        answers("400 Bad Request", error("ERR something new")),
        errors.StoreError,
        "something new",
    ),
    (
        "no such encoding",
        answers("200 OK", b"no gzip", extra="Content-Encoding: gzip\r\n"),
        errors.StoreResponseError,
        "truncated",
    ),
    ("connection lost", gone, errors.StoreUnavailableError, "lost"),
    ("silence", silent, errors.StoreTimeoutError, "did not respond"),
    ("a trickle", trickle, errors.StoreTimeoutError, "did not respond"),
    ("a trickling head", trickling_head, errors.StoreTimeoutError, "did not respond"),
    ("no HTTP", no_http, errors.StoreUnavailableError, "lost"),
]


# What passes, perhaps: it is tried again until the time is over. The others fail at once, or nearly.
PASSING = {
    "NOREPLICAS",
    "MASTERDOWN",
    "CLUSTERDOWN",
    "BUSY",
    "TRYAGAIN",
    "throttled",
    "throttled page",
    "connections",
    "loading",
    "failed",
    "bad gateway",
    "unavailable",
    "cut",
    "cut, with a length that fits",
    "empty",
    "no such encoding",
    "connection lost",
    "silence",
    "a trickle",
    "a trickling head",
    "no HTTP",
}


ROWS = [pytest.param(*row[1:], 0.8 if row[0] in PASSING else 10.0, id=row[0]) for row in TABLE]
