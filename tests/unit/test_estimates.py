"""What reading costs, by the service that bills it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from langchain_core.messages import HumanMessage

from chatmem_nb import estimate
from chatmem_nb.records import encode_all
from chatmem_nb.stores.protocol import CommandCount
from tests.plain_reader import PlainReader


class OtherService(PlainReader):
    service = "Other"

    def __init__(self, sessions: Mapping[str, Sequence[str]]) -> None:
        super().__init__(sessions)
        self.commands = CommandCount()


def test_a_store_of_a_service_whose_prices_are_not_known_has_no_price() -> None:
    cost = estimate(OtherService({"s": encode_all([HumanMessage("one")])}))
    assert (cost.sessions, cost.messages, cost.usd, cost.minutes) == (1, 1, None, None)
    assert str(cost).startswith("1 session, about 1 message and ")
    assert "Upstash" not in str(cost)
