"""Payment card and phone numbers: runs of digits, however they are grouped."""

from __future__ import annotations

import re
import sys
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from ..errors import InvalidInputError
from .spans import Span

_SEPARATORS: Final = r"[ \t./()+_-]{0,3}"
_RUN: Final = re.compile(rf"\d(?:{_SEPARATORS}\d){{6,}}")
_GROUP: Final = re.compile(r"\d+")
_UUID: Final = re.compile(r"(?<![0-9a-f])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-f])", re.I)
_DATE: Final = re.compile(r"(?:19|20)\d\d([-./])(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12]\d|3[01])(?!\d)")
_IS_TIME: Final = re.compile(r"\d:")
_DIALED: Final = re.compile("00 ?[1-9]")
_CARD_DIGITS: Final = range(13, 20)  # ISO/IEC 7812
_PHONE_DIGITS: Final = range(7, 16)  # E.164
_MOST_GROUPS: Final = 8
"""Of a number, such as those of two digits each."""
_DOUBLED: Final = {ord(str(digit)): str(sum(divmod(2 * digit, 10))) for digit in range(10)}


def has_luhn_digit(digits: str) -> bool:
    """Return whether the last digit is the check digit of the others (ISO/IEC 7812)."""
    other = digits[-2::-2].translate(_DOUBLED)
    return sum(map(int, digits[::-2])) % 10 == -sum(map(int, other)) % 10


@dataclass(frozen=True, slots=True)
class _Run:
    """Groups of digits with nothing but separators between them."""

    text: str
    groups: list[tuple[int, int]]

    def digits(self, first: int, last: int) -> str:
        return "".join(self.text[start:end] for start, end in self.groups[first : last + 1])

    def shape(self, first: int, last: int) -> list[int]:
        """Return how many digits each of these groups has."""
        return [end - start for start, end in self.groups[first : last + 1]]

    def spans(self, first: int, sizes: range) -> Iterator[tuple[int, str]]:
        """Yield (last group, digits) of runs from `first` on with so many digits, longest first."""
        total, lasts = 0, []
        # Digits one by one may be a number from one of the first of them on, or this would take too long.
        most = _MOST_GROUPS if self._is_spelled(first) else sizes.stop
        for last in range(first, min(first + most, len(self.groups))):
            start, end = self.groups[last]
            total += end - start
            if total >= sizes.stop or (last > first and self._begins_number(last)):
                break
            if total >= sizes.start:
                lasts.append(last)
        if lasts:
            digits = self.digits(first, lasts[-1])
            for last in reversed(lasts):
                yield last, digits
                start, end = self.groups[last]
                digits = digits[: len(digits) - (end - start)]

    def _is_spelled(self, group: int) -> bool:
        """Whether this group and the three before it are one digit each."""
        return group >= 3 and all(end - start == 1 for start, end in self.groups[group - 3 : group + 1])

    def _begins_number(self, group: int) -> bool:
        """Whether a plus precedes this group, and is not between digits."""
        start = self.groups[group][0]
        return self.text[start - 1] == "+" and not self.text[start - 2].isdigit()

    def is_fraction(self, group: int) -> bool:
        """Whether this group is what follows the point of a decimal number."""
        if group == 0:
            return False
        (start, end), here = self.groups[group - 1], self.groups[group][0]
        return self.text[end:here] == "." and end - start <= 3


@lru_cache(maxsize=1)  # for cards, and then for phones
def _runs(text: str) -> list[_Run]:
    runs = []
    identifiers: list[tuple[int, int]] | None = None
    for found in _RUN.finditer(text):
        if identifiers is None:
            identifiers = [match.span() for match in _UUID.finditer(text)] if "-" in text else []
        groups = [match.span() for match in _GROUP.finditer(text, *found.span())]
        if identifiers:
            groups = [group for group in groups if not _is_within(group[0], identifiers)]
        if groups:
            runs.append(_Run(text, groups))
    return runs


def _is_within(position: int, places: Sequence[tuple[int, int]]) -> bool:
    before = bisect_right(places, (position, sys.maxsize))
    return before > 0 and position < places[before - 1][1]


def card_numbers(text: str) -> Iterator[Span]:
    """Yield payment card numbers: 13 to 19 digits that start with 2 to 6 and pass the Luhn check."""
    for run in _runs(text):
        # From each group, also within one that was found: `12 4111 1111 1111 1111` might start with either.
        for first, (start, _) in enumerate(run.groups):
            last = _card_end(run, first)
            if last is not None:
                yield Span(start, run.groups[last][1], "CARD")


def _card_end(run: _Run, first: int) -> int | None:
    if run.text[run.groups[first][0]] not in "23456" or run.is_fraction(first):
        return None
    return next((last for last, digits in run.spans(first, _CARD_DIGITS) if has_luhn_digit(digits)), None)


@dataclass(frozen=True, slots=True)
class _Region:
    """How the phone numbers of a region are written there."""

    country_code: int
    shape: re.Pattern[str]
    """Of a number with or without the national prefix; group 1 is the number without it."""

    @classmethod
    def of(cls, name: str) -> _Region:
        import phonenumbers

        metadata: Any = phonenumbers.PhoneMetadata.metadata_for_region(name)
        prefix = f"(?:{metadata.national_prefix})?" if metadata.national_prefix else ""
        pattern = metadata.general_desc.national_number_pattern
        return cls(metadata.country_code, re.compile(f"{prefix}({pattern})"))


class PhoneNumbers:
    """Finds phone numbers: international ones, and national ones of `regions` (ISO 3166: "US", "DE").

    An international number needs no more than its shape: `+` or `00` and 8 to 15 digits. A national one with
    separators needs the length and first digits of its region; digits alone must be a number that is
    assigned, or one with the country code in front.
    """

    def __init__(self, regions: Sequence[str]) -> None:
        import phonenumbers  # its metadata takes a while to load

        known = phonenumbers.SUPPORTED_REGIONS
        if unknown := [region for region in regions if region not in known]:
            raise InvalidInputError(
                f"unknown phone regions {unknown}; use ISO 3166 codes, as in ['US', 'DE']"
            )
        self._names = tuple(regions)
        self._regions = [_Region.of(region) for region in regions]

    def __call__(self, text: str) -> Iterator[Span]:
        for run in _runs(text):
            date_end = 0
            for first, (start, _) in enumerate(run.groups):
                if date := _DATE.match(text, start):
                    date_end = date.end()
                last = self._end(run, first) if start >= date_end else None
                if last is not None:
                    begin = start - 1 if text[max(start - 1, 0) : start] in ("+", "(") else start
                    yield Span(begin, run.groups[last][1], "PHONE")

    def _end(self, run: _Run, first: int) -> int | None:
        text, (start, end) = run.text, run.groups[first]
        before = text[max(start - 2, 0) : start]
        if run.is_fraction(first) or _IS_TIME.match(before):
            return None
        if (before[-1:] == "+" and text[start] != "0") or _DIALED.match(text, start):
            return self._international_end(run, first)
        if before[-1:].isalnum():
            return None
        for last, digits in run.spans(first, _PHONE_DIGITS):
            after = text[run.groups[last][1] : run.groups[last][1] + 1]
            if after.isalnum() and last == len(run.groups) - 1:
                continue
            if self._is_national(digits, run.shape(first, last), "(" in text[max(start - 1, 0) : end + 3]):
                return last
        return None

    def _international_end(self, run: _Run, first: int) -> int | None:
        found = list(run.spans(first, range(8, 18)))
        fitting = (last for last, digits in found if len(digits.removeprefix("00")) <= _longest(digits))
        return next(fitting, found[0][0] if found else None)

    def _is_national(self, digits: str, sizes: list[int], has_parenthesis: bool) -> bool:
        is_thousands = sizes[0] <= 3 and all(size == 3 for size in sizes[1:])
        is_written_so = len(sizes) >= 3 - has_parenthesis and not is_thousands
        for region in self._regions:
            found = region.shape.fullmatch(digits)
            if found and (is_written_so or _is_assigned(region.country_code, found[1])):
                return True
        if len(sizes) > 1 or len(digits) < 11:
            return False
        code = _country_code(digits)
        return code is not None and _is_assigned(code, digits[len(str(code)) :])

    def canonical(self, number: str) -> str:
        """Return `number`, written in whatever way, in one form: with its country code if that is known."""
        import phonenumbers

        digits = "".join(filter(str.isdigit, number))
        if number.lstrip(" (").startswith("+"):
            return f"+{digits}"
        if re.match(r"\D*00 ?[1-9]", number):
            return f"+{digits[2:]}"
        for name, region in zip(self._names, self._regions, strict=True):
            if region.shape.fullmatch(digits):
                parsed = phonenumbers.parse(digits, name)
                return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))
        return f"+{digits}" if len(digits) >= 11 else digits


def _is_assigned(country_code: int, national: str) -> bool:
    import phonenumbers

    has_zero = national.startswith("0") or None
    number = phonenumbers.PhoneNumber(country_code, int(national or 0), italian_leading_zero=has_zero)
    return bool(phonenumbers.is_valid_number(number))


def _country_code(digits: str) -> int | None:
    import phonenumbers

    codes = (int(digits[:size]) for size in (1, 2, 3))
    return next((code for code in codes if code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE), None)


def _longest(digits: str) -> int:
    """How many digits an international number that begins like this may have."""
    import phonenumbers

    code = _country_code(digits.removeprefix("00"))
    if code is None:
        return max(_PHONE_DIGITS)
    region = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code][0]
    metadata: Any = phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(code, region)
    return len(str(code)) + int(max(metadata.general_desc.possible_length))
