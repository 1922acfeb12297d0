"""What a name suggests about a tool nobody declared."""

from __future__ import annotations

import pytest

from speculate.audit.proposal import identifying, propose, words_of
from speculate.spec import Effect


@pytest.mark.parametrize(
    ("tool", "effect"),
    [
        ("get_order", Effect.READ),
        ("shop_list_open_orders", Effect.READ),
        ("searchFlights", Effect.READ),
        ("HTTPGet", Effect.READ),
        ("delete_order", Effect.WRITE),
        ("get_and_delete", Effect.WRITE),
        ("set_price", Effect.WRITE),
        ("order_pizza", Effect.WRITE),
        ("frobnicate", Effect.WRITE),
        ("bash", Effect.WRITE),
    ],
)
def test_a_read_only_where_the_name_says_so(tool: str, effect: Effect) -> None:
    proposal = propose(tool, [])
    assert proposal.spec.effect is effect
    assert proposal.review


def test_the_resource_is_named_by_the_noun_and_the_identifying_argument() -> None:
    assert propose("get_order", ["order_id", "verbose"]).spec.reads == ("order/{order_id}",)
    assert propose("get_order", ["order_id", "user_id"]).spec.reads == ("order/*",)
    assert propose("list", []).spec.reads == ("list/*",)
    assert words_of("get_orderStatus2") == ["get", "order", "status", "2"]
    assert identifying(["userId", "path", "colour", "odd name id"]) == ["userId", "path"]
