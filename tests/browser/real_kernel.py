"""A real HistoryBrowser behind the blank page, in place of the stand-in."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

from chatmem_nb import HistoryBrowser
from tests.wire.browser_page import Page as Asking


class RealKernel:
    """Carries what the front end sends to a browser, and brings back what that answers."""

    def __init__(self, browser: HistoryBrowser) -> None:
        self.browser = browser
        self.comm = browser.comm
        self.seen: list[dict[str, Any]] = []
        self.violations: list[str] = []  # the protocol is checked where a reply arrives

    def __call__(self, message: dict[str, Any]) -> list[dict[str, Any]]:
        self.seen.append(message)
        asking = Asking(self.browser, message["view"])
        asking.send(message)
        if message["method"] == "cancel":
            return []

        def reply(content: dict[str, Any]) -> bool:
            return content.get("rid") == message["rid"] and "ok" in content

        asking._wait(reply)
        return self._sent()

    def tell(self, page: Page) -> None:
        """Deliver what the browser has sent unasked: Python did something."""
        for content in self._sent():
            page.evaluate("content => hear(content)", content)

    def asked(self, method: str) -> list[dict[str, Any]]:
        """Return the parameters of all requests of `method`."""
        return [message["params"] for message in self.seen if message["method"] == method]

    def _sent(self) -> list[dict[str, Any]]:
        with self.comm.arrived:
            sent, self.comm.sent = self.comm.sent, []
        return [data["content"] for data, _ in sent if "content" in data]
