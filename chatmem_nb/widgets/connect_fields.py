"""What the connect form asks for, service by service."""

from __future__ import annotations

import os
from typing import Any, Final

SERVICES: Final = {"upstash": "Upstash Redis", "momento": "Momento", "local": "Local demo"}
SECRETS: Final = ("token", "api_key")
LABELS: Final = {
    "url": "REST URL",
    "token": "REST token",
    "api_key": "API key",
    "endpoint": "Endpoint",
    "cache_name": "Cache name",
    "key_prefix": "Key prefix",
}
_HINTS: Final = {
    "url": "https://example-12345.upstash.io",
    "endpoint": "cell-4-us-west-2-1.prod.a.momentohq.com",
    "cache_name": "chatmem",
    "key_prefix": "message_store:",
}
_VARIABLES: Final = {
    "upstash": ("UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN"),
    "momento": ("MOMENTO_API_KEY", "MOMENTO_ENDPOINT", "MOMENTO_CACHE_NAME"),
}
FIELDS: Final = {
    "upstash": ("url", "token", "key_prefix"),
    "momento": ("api_key", "endpoint", "cache_name", "key_prefix"),
    "local": (),
}


def input_of(name: str) -> dict[str, Any]:
    """Return how the form shows the field `name`."""
    return {"name": name, "label": LABELS[name], "hint": _HINTS.get(name, ""), "secret": name in SECRETS}


def offer_of(service: str) -> dict[str, Any]:
    """Return one choice of the form: its variables, and whether they are set; never a value."""
    names = _VARIABLES.get(service, ())
    return {
        "service": service,
        "label": SERVICES[service],
        "env": [{"name": name, "set": bool(os.environ.get(name))} for name in names],
        "inputs": [input_of(name) for name in FIELDS[service]],
    }
