"""The two base models of all messages between page and kernel, and the types of their fields."""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from ...stores.arguments import checked_session_id

LARGEST_INDEX: Final = 2**53
"""The largest whole number that JavaScript keeps exactly."""
_LARGEST_TEXT: Final = 20_000_000
"""The most characters that the page may send as one text."""


class Params(BaseModel):
    """The parameters of a request. A null counts as missing."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", defer_build=True)


class Payload(BaseModel):
    """What the kernel sends, or a part of it. A field with a default may be omitted."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", defer_build=True)


def _as_int(value: object) -> object:
    # JavaScript does not distinguish 3.0 from 3.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _unique(values: list[str]) -> list[str]:
    return list(dict.fromkeys(values))


WholeNumber: TypeAlias = Annotated[int, BeforeValidator(_as_int)]
Index: TypeAlias = Annotated[WholeNumber, Field(ge=0, le=LARGEST_INDEX)]
Text: TypeAlias = Annotated[str, Field(max_length=_LARGEST_TEXT)]
SessionId: TypeAlias = Annotated[str, Field(max_length=100_000), AfterValidator(checked_session_id)]
SessionIds: TypeAlias = Annotated[list[SessionId], Field(max_length=100_000), AfterValidator(_unique)]
Role: TypeAlias = Literal["human", "ai", "system", "tool", "other"]
RoleFilter: TypeAlias = Literal["", "not system", "human", "ai", "system", "tool", "other"]
"""Which role to filter by: "" for any, "not system" for all but one."""
Scope: TypeAlias = Literal["session", "selected", "all", "hits"]
Service: TypeAlias = Literal["upstash", "momento", "local"]
Failure: TypeAlias = Literal["status", "text"]
"""How a tool failure was recognised: by the status of its result, or by its text."""
Sort: TypeAlias = Literal["found", "id", "length", "last_write", "ttl"]
LabelFilter: TypeAlias = Annotated[str, Field(max_length=200, pattern=r"^($|\*$|star$|note$|tag:)")]
"""Which label to filter by: "" for no filter, "*" for any label, "star", "note", or "tag:" and its name."""
