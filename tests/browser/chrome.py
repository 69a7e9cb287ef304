"""Chromium, and pages that may reach nothing but this machine; a `Visit` keeps what its page logged."""

from __future__ import annotations

import asyncio
import re
import shutil
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from playwright.sync_api import BrowserContext, Locator, Page, Playwright, WebSocket, sync_playwright

# The headless shell first: it draws no window around a page, and takes a fifth of the time for each test.
PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, PROGRAMS)), None)
SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-color-profile=srgb",
]
HERE = re.compile(r"(https?|wss?)://127\.0\.0\.1[:/]|data:|blob:|about:")


@dataclass
class Visit:
    """A page and what it logged. `received` counts bytes that came over its websockets."""

    page: Page
    errors: list[str] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)
    kernel_errors: list[str] = field(default_factory=list)
    received: int = 0

    @property
    def browser(self) -> Locator:
        return self.page.locator(".chatmem")

    def heard(self, frame: str | bytes) -> None:
        raw = frame if isinstance(frame, bytes) else frame.encode()
        self.received += len(raw)
        # Errors of widget callbacks are shown nowhere in JupyterLab; they do pass here.
        if re.search(rb'"msg_type": ?"error"', raw):
            told = re.search(rb'"ename": ?"([^"]*)", ?"evalue": ?"([^"]*)"', raw)
            self.kernel_errors.append(b": ".join(told.groups()).decode() if told else "error")

    def close(self) -> None:
        self.page.context.close()


class Chrome:
    """One Chromium; `visit()` opens a page in a context of its own."""

    def __init__(self) -> None:
        self._playwright: Playwright | None = None

    def __enter__(self) -> Self:
        self._playwright = sync_playwright().start()
        self.loop = asyncio.get_running_loop()
        self.chromium = self._playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.chromium.close()
        if self._playwright:
            self._playwright.stop()

    def visit(self, **context: Any) -> Visit:
        chosen = {"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce"} | context
        inside: BrowserContext = self.chromium.new_context(**chosen)
        inside.set_default_timeout(30_000)
        visit = Visit(inside.new_page())
        inside.route(
            lambda url: not HERE.match(url),
            lambda route: (visit.blocked.append(route.request.url), route.abort()),
        )
        visit.page.on(
            "console", lambda line: visit.errors.append(line.text) if line.type == "error" else None
        )
        visit.page.on("pageerror", lambda error: visit.errors.append(str(error)))

        def listen(socket: WebSocket) -> None:
            socket.on("framereceived", visit.heard)

        visit.page.on("websocket", listen)
        return visit
