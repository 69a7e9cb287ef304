"""A long HTML export in pages that a browser opens at once, and an index of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO
from urllib.parse import quote

from ..plain_text import counted, utf8_size
from .html_page import PAGE_TAIL, page_head, page_script
from .private_files import make_private_folder, open_private

PAGE_BYTES: Final = 3_000_000
"""Bytes of a page, about; one message may take more."""
_MOST_ROWS: Final = 5_000
"""Sessions that the index lists one by one; of more it lists the pages alone."""
_OPENING: Final = "<details class=session open"
_SUMMARY: Final = "<summary><h2>"
_CLOSING: Final = "</details>\n"
_ARTICLE: Final = "<article "
_CUTS: Final = (_OPENING, _CLOSING, _ARTICLE, "</main>\n")
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC


@dataclass(slots=True)
class _Session:
    """A session as the index lists it."""

    name: str
    """Its id as HTML."""
    page: int
    anchor: str
    messages: int = 0


def split_pages(path: Path, folder: Path, link: str, index: Path, *, limit: int = PAGE_BYTES) -> bool:
    """Make of the page at `path`, if it is longer than `limit` bytes, pages in `folder` and their `index`.

    `link` is the name of that folder beside the index. Files and links are numbered, so that no session id
    is part of one. Returns whether there is an index now.
    """
    if path.stat().st_size <= limit:
        return False
    make_private_folder(folder)
    pages = _Pages(folder, limit)
    try:
        for part in _parts(path):
            pages.take(part)
    finally:
        pages.close()
    with open_private(index, _NEW, "\n") as file:
        file.write(page_head())
        for row in _rows(pages.sessions, pages.number, "./" + quote(link)):
            file.write(row)
        file.write(PAGE_TAIL.format(script=page_script()))
    return True


def _parts(path: Path) -> Iterator[str]:
    """The body of a page, cut at the start and the end of each session and before each message.

    No line of a message begins as those do.
    """
    part: list[str] | None = None
    with path.open(encoding="utf-8", newline="\n") as file:
        for line in file:
            if line.startswith(_CUTS):
                if part is not None:
                    yield "".join(part)
                part = [line]
            elif part is not None:
                part.append(line)


class _Pages:
    """Writes the body of a long page as numbered pages, each whole by itself."""

    def __init__(self, folder: Path, limit: int) -> None:
        self.sessions: list[_Session] = []
        self.number = 0
        self._folder, self._limit = folder, limit
        self._file: TextIO | None = None
        self._size = 0
        self._is_open = False

    def take(self, part: str) -> None:
        """Write the start or the end of a session or a message, on a new page if this one is full."""
        is_start = part.startswith(_OPENING)
        is_article = part.startswith(_ARTICLE)
        if self._file is None or (self._size > self._limit and (is_start or is_article)):
            self._next_page()
        if is_start:
            name = part.partition(_SUMMARY)[2].removesuffix("</h2></summary>\n")
            self.sessions.append(_Session(name, self.number, f"s{len(self.sessions) + 1}"))
            part = part.replace(_OPENING, f"{_OPENING} id={self.sessions[-1].anchor}", 1)
        elif is_article:
            self.sessions[-1].messages += 1
        self._is_open = is_start or (self._is_open and part != _CLOSING)
        self._write(part)

    def _next_page(self) -> None:
        goes_on = self._is_open
        self.close()
        self.number += 1
        self._file = open_private(self._folder / page_name(self.number), _NEW, "\n")
        self._size = 0
        self._write(page_head())
        if goes_on:
            self._write(f"{_OPENING}>{_SUMMARY}{self.sessions[-1].name} (continued)</h2></summary>\n")

    def _write(self, text: str) -> None:
        if self._file is not None:
            self._file.write(text)
            self._size += utf8_size(text)

    def close(self) -> None:
        """End the page, if there is one."""
        if self._file is None:
            return
        if self._is_open:
            self._write(_CLOSING)
        self._write(PAGE_TAIL.format(script=page_script()))
        self._file.close()
        self._file = None


def page_name(number: int) -> str:
    """Return the file name of a page."""
    return f"page-{number:05}.html"


def _rows(sessions: list[_Session], pages: int, link: str) -> Iterator[str]:
    total = sum(session.messages for session in sessions)
    counts = counted(len(sessions), "session"), counted(total, "message"), f"on {counted(pages, 'page')}"
    yield f"<p>{', '.join(counts)}</p>\n"
    if len(sessions) <= _MOST_ROWS:
        for session in sessions:
            target = f"{link}/{page_name(session.page)}#{session.anchor}"
            messages = counted(session.messages, "message")
            yield f'<p class=row><a href="{target}">{session.name}</a> {messages}</p>\n'
        return
    for number in range(1, pages + 1):
        here = [session for session in sessions if session.page == number]
        label = f"page {number:,}"
        if here:
            label = f"{label}: {here[0].name} to {here[-1].name}, {counted(len(here), 'session')}"
        yield f'<p class=row><a href="{link}/{page_name(number)}">{label}</a></p>\n'
