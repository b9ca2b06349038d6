"""What orchestrator, keeper and lanes say to each other."""

import select

import hypothesis.strategies as st
import pytest
from hypothesis import given

from multirun.launcher.messages import (
    CANCEL,
    KILL,
    LARGEST_FACT,
    LARGEST_MESSAGE,
    LOOK,
    NOTICE,
    RECORD,
    Fact,
    Order,
    forget,
    notice_body,
    parse_notice,
)

NUMBERS = st.integers(0, 10**15)


@given(NUMBERS, NUMBERS, st.integers(1, 99), NUMBERS, st.binary(min_size=1))
def test_an_order_arrives_as_it_was_given(key: int, run: int, attempt: int, offset: int, root: bytes) -> None:
    order = Order(key, run, attempt, offset, 7, root)
    assert Order.decode(order.encode()) == order
    assert order.encode().startswith(b"run ")


def test_the_longest_path_fits_into_a_message() -> None:
    assert len(Order(10**15, 10**15, 99, 10**15, 10**15, b"/" * 4096).encode()) <= LARGEST_MESSAGE


@given(
    st.sampled_from([RECORD, LOOK, NOTICE]),
    NUMBERS,
    NUMBERS,
    NUMBERS,
    st.binary().filter(lambda body: b"\n" not in body),
)
def test_a_fact_arrives_as_it_was_told(kind: bytes, lane: int, key: int, offset: int, body: bytes) -> None:
    fact = Fact(kind, lane, key, offset, body)
    line = fact.encode()
    assert line.count(b"\n") == 1
    assert Fact.decode(line.removesuffix(b"\n")) == fact


@given(st.integers(0, 10**9), st.none() | st.text())
def test_a_notice_arrives_as_it_was_told(run: int, text: str | None) -> None:
    body = notice_body(run, text)
    assert parse_notice(body) == {"run": run, "text": text}
    assert b"\n" not in body
    assert body.isascii()


def test_messages_to_a_lane_begin_differently() -> None:
    messages = [CANCEL, KILL, forget(7), Order(1, 2, 3, 4, 5, b"/x").encode()]
    assert messages == [b"cancel", b"kill", b"forget 7", b"run 1 2 3 4 5 /x"]


@pytest.mark.parametrize("message", [b"", b"run", b"run 1 2 3", b"run a b c d e"])
def test_half_an_order_is_none(message: bytes) -> None:
    with pytest.raises(ValueError, match=r"unpack|invalid"):
        Order.decode(message)


def test_a_fact_is_written_whole_or_not_at_all() -> None:
    assert LARGEST_FACT <= select.PIPE_BUF
