"""API keys, tokens and passwords in a text, by the shapes that their issuers gave them or by their names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from .spans import Span

# The prefix of a key in lower case, and its pattern. The prefix is searched for first, which is fast.
_KEYS: Final[dict[str, str]] = {
    "sk-": r"sk-[a-z0-9_-]{16,}",  # OpenAI, Anthropic (sk-ant-), OpenRouter, DeepSeek
    "akia": r"akia[a-z0-9]{16}",  # AWS
    "asia": r"asia(?=[a-z]{0,15}[0-9])[a-z0-9]{16}",
    "aida": r"aida(?=[a-z]{0,15}[0-9])[a-z0-9]{16}",
    "aroa": r"aroa(?=[a-z]{0,15}[0-9])[a-z0-9]{16}",
    "ghp_": r"ghp_[a-z0-9]{20,}",  # GitHub
    "gho_": r"gho_[a-z0-9]{20,}",
    "ghu_": r"ghu_[a-z0-9]{20,}",
    "ghs_": r"ghs_[a-z0-9]{20,}",
    "ghr_": r"ghr_[a-z0-9]{20,}",
    "github_pat_": r"github_pat_[a-z0-9_]{20,}",
    "glpat-": r"glpat-[a-z0-9_.-]{20,}",  # GitLab
    "aiza": r"aiza[a-z0-9_-]{30,}",  # Google
    "ya29.": r"ya29\.[a-z0-9_-]{20,}",
    "gocspx-": r"gocspx-[a-z0-9_-]{20,}",
    "xox": r"xox[a-z](?:\.xox[a-z])?-[a-z0-9-]{10,}",  # Slack
    "xapp-": r"xapp-[a-z0-9-]{10,}",
    "_live_": r"[a-z]{2,6}_live_[a-z0-9]{10,}",  # Stripe
    "_test_": r"[sr]k_test_[a-z0-9]{10,}",
    "whsec_": r"whsec_[a-z0-9+/=]{16,}",
    "hf_": r"hf_[a-z0-9]{24,}",  # Hugging Face
    "lsv2_": r"lsv2_[a-z]{2}_[a-z0-9_]{20,}",  # LangSmith
    "gsk_": r"gsk_[a-z0-9]{20,}",  # Groq
    "xai-": r"xai-[a-z0-9_-]{20,}",
    "pplx-": r"pplx-[a-z0-9]{20,}",
    "tvly-": r"tvly-[a-z0-9_-]{16,}",
    "r8_": r"r8_[a-z0-9]{30,}",  # Replicate
    "pcsk_": r"pcsk_[a-z0-9_]{20,}",  # Pinecone
    "npm_": r"npm_[a-z0-9]{30,}",
    "pypi-": r"pypi-[a-z0-9_-]{30,}",
    "dop_v1_": r"dop_v1_[a-f0-9]{40,}",  # DigitalOcean
    "dapi": r"dapi[a-f0-9]{32}",  # Databricks
    "shp": r"shp(?:at|ca|pa|ss)_[a-f0-9]{32}",  # Shopify
    "sg.": r"sg\.[a-z0-9_-]{16,}\.[a-z0-9_-]{16,}",  # SendGrid
    # JSON in base64: JWTs, with or without a signature, and the keys of Momento.
    "eyj": r"eyj[a-z0-9_-]{8,}\.[a-z0-9_-]{4,}(?:\.[a-z0-9_-]*){0,3}|eyj[a-z0-9+/_-]{32,}={0,2}",
    "hooks.slack.com/": r"hooks\.slack\.com/[a-z]{1,20}/[^\s\"'<>]{1,200}",
    "/webhooks/": r"discord(?:app)?\.com/api/webhooks/\d{1,30}/[a-z0-9_-]{10,}",
    ":aa": r"\d{6,12}:aa[a-z0-9_-]{30,}",  # Telegram
}
_KEY_PATTERNS: Final = {start: re.compile(rf"(?<![a-z0-9])(?:{pattern})") for start, pattern in _KEYS.items()}
_DIGIT: Final = re.compile(r"\d")
_PRIVATE_KEY: Final = re.compile(
    # To the next line of dashes: without an end, all that follows is taken for the key.
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:[^-]|-(?!----))*+"
    r"(?:-----END [A-Z0-9 ]{1,60}-----)?",
    re.I,
)

# Names of what is secret whatever it is, and of what is if it looks like it (a token may be a word).
_ALWAYS: Final = (
    "password", "passwd", "passphrase", "passcode", "pwd", "passwort", "kennwort", "mot de passe",
    "contraseña", "senha", "пароль", "密码", "密碼", "パスワード",
)  # fmt: skip
_LIKELY: Final = ("secret", "token", "authorization", "credential", "credentials", "cookie", "session")
_KEY_OF: Final = re.compile(
    r"(?:api|access|private|secret|auth|subscription|account|encryption|master|signing)[ _-]?"
)
_CLIENT_SECRET: Final = re.compile(r"(?:client|app|shared|consumer|user)[_-]?secret$")
_ASSIGNED: Final = re.compile(
    r"(?:[_-]?(?:id|value))?[\"'`*]{0,3}(?:\s{0,3}(?:=>|[:=]=?)\s{0,3}|(?P<verb>\s{1,3}(?:is|was)\s{1,3}))"
    r"(?:[\"'`](?P<quoted>[^\"'`\n]{4,400})[\"'`]"
    r"|[\"'`]{0,3}(?:(?:bearer|basic|token|bot)\s{1,3})?(?P<value>[^\s\"'`,;&<>(){}]{4,}))"
)
_BEARER: Final = re.compile(r"(?<![a-z0-9])(?:bearer|basic)\s{1,3}(?P<value>[a-z0-9+/_.~=-]{12,})")

_USER_INFO: Final = re.compile(r"(?<=://)(?P<value>[^\s/?#\"'<>]{1,400})@")
_QUERY: Final = re.compile(
    r"(?<=[?&;#])[a-z0-9_-]{0,40}?(?:token|key|sig|signature|secret|password|passwd|pwd|auth|code|credential"
    r"|jwt|session|sessionid|sid|access|assertion|ticket|sas|hmac)=(?P<value>[^\s&#;\"'<>]{3,})",
)


def lowered(text: str) -> str:
    """Return `text` in lower case, each character at its place."""
    lower = text.lower()
    if len(lower) == len(text):
        return lower
    return "".join(small if len(small := character.lower()) == 1 else character for character in text)


def api_keys(text: str) -> Iterator[Span]:
    """Yield keys and tokens of known shapes, in any case, and private keys in PEM."""
    lower = lowered(text)
    for start, pattern in _KEY_PATTERNS.items():
        if start in lower:
            for found in pattern.finditer(lower):
                yield Span(*found.span(), "API_KEY")
    if "private key" in lower:
        for found in _PRIVATE_KEY.finditer(text):
            yield Span(*found.span(), "API_KEY")


def secrets(text: str) -> Iterator[Span]:
    """Yield the values after `password=`, `api_key:`, `Bearer` and the like, and the secrets in URLs."""
    lower = lowered(text)
    yield from _assigned(lower)
    if "bearer" in lower or "basic" in lower:
        for found in _BEARER.finditer(lower):
            if looks_secret(found["value"]):
                yield Span(*found.span("value"), "SECRET")
    if "://" in text:
        for found in _USER_INFO.finditer(text):
            yield Span(*found.span("value"), "SECRET")
    if "=" in text:
        for found in _QUERY.finditer(lower):
            yield Span(*found.span("value"), "SECRET")


def _assigned(lower: str) -> Iterator[Span]:
    """Values after the name of a secret."""
    for name in (*_ALWAYS, *_LIKELY, "key"):
        at = lower.find(name)
        while at >= 0:
            end = at + len(name)
            found = _ASSIGNED.match(lower, end)
            if found is not None and (name != "key" or _is_key_name(lower[max(at - 20, 0) : at])):
                group = "quoted" if found["quoted"] else "value"
                is_always = _is_always(lower[max(at - 20, 0) : end])
                if found["verb"] is not None:  # "the password is wrong", but "the password is hunter2"
                    is_always = is_always and _DIGIT.search(found[group]) is not None
                if is_always or looks_secret(found[group]):
                    yield Span(*found.span(group), "SECRET")
            # Continue after the value, or texts full of names would be read again from each of them.
            at = lower.find(name, found.end() if found is not None else end)


def _is_always(name: str) -> bool:
    """Whether what has this name is a secret, whatever it looks like."""
    return name.endswith(_ALWAYS) or _CLIENT_SECRET.search(name) is not None


def _is_key_name(before: str) -> bool:
    """Whether a key with this name is a secret: an API key is, a primary key is not."""
    return any(_KEY_OF.fullmatch(before, start) for start in range(len(before)))


def is_secret_field(name: str, value: object) -> bool:
    """Return whether the field of an object is a secret by its name: `{"password": ...}`."""
    weight = _weight(name) if len(name) <= 100 else 0
    if weight == 0 or type(value) not in (str, int, float, list, dict) or not value:
        return False
    return weight == 2 or (type(value) is str and looks_secret(value))


@lru_cache(maxsize=10_000)
def _weight(name: str) -> int:
    """2 for the name of what is always a secret, 1 of what is if it looks like one, 0 for all others."""
    name = name.lower().strip()
    if _is_always(name):
        return 2
    is_key = name.endswith("key") and _is_key_name(name[:-3])
    return 1 if is_key or name.endswith(_LIKELY) else 0


def looks_secret(value: str) -> bool:
    """Return whether `value` is long and mixed as keys are, and not a word."""
    value = value.rstrip(".!?")
    if len(value) < 8:
        return False
    return _DIGIT.search(value) is not None or (len(value) >= 16 and not value.isalpha() and " " not in value)
