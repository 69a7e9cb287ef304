"""What the page shows as it stands: the inputs of the form, figures and costs in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

SERVICES: Final = {"upstash": "Upstash Redis", "momento": "Momento", "local": "Local demo"}
SECRETS: Final = ("token", "api_key")
_LABELS: Final = {
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


def input_of(name: str) -> dict[str, Any]:
    """Return how the form shows the field `name`."""
    return {"name": name, "label": _LABELS[name], "hint": _HINTS.get(name, ""), "secret": name in SECRETS}


def facts(figures: Mapping[str, Any]) -> dict[str, str]:
    """Return figures of a session as the header shows them: label -> words, without what is not known."""
    tokens = figures["tokens"]
    days = [figures[name][:10] for name in ("first_time", "last_time") if figures[name]]
    words = {
        "Turns": f"{figures['turns']:,}",
        "Tokens": f"{tokens['input'] or 0:,} in, {tokens['output'] or 0:,} out" if tokens else "",
        "Tools": ", ".join(f"{tool['name']} ×{tool['calls']:,}" for tool in figures["tools"]),
        "Unreadable": f"{figures['bad']:,}" if figures["bad"] else "",
        "Span": " to ".join(dict.fromkeys(days)),
    }
    return {label: text for label, text in words.items() if text}


def cost(requests: int, billed: int, spent: Mapping[str, int]) -> str:
    """Return what listing has cost, and all that was asked so far."""
    plural = "" if requests == 1 else "s"
    received = spent["bytes_received"]
    size = f"{received / 1e3:,.1f} kB" if received < 1e6 else f"{received / 1e6:,.1f} MB"
    return f"Listing: {requests:,} request{plural}, {billed:,} billed. In all {spent['requests']:,}, {size}"
