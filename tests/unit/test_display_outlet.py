"""The way out of what a display shows: nothing about a stream holds up or ends a sweep."""

import io
import os
from collections.abc import Iterator

import pytest
from tests.unit.moments import make_moment, make_run, news

from multirun.display.counts import render_summary
from multirun.display.narrator import open_screen
from multirun.display.outlet import Outlet

pytestmark = pytest.mark.usefixtures("locale")


@pytest.fixture
def pipe() -> Iterator[tuple[int, io.TextIOWrapper]]:
    """The reading end of a pipe, and a stream to the other."""
    reading, writing = os.pipe()
    stream = open(writing, "w", encoding="utf-8")  # noqa: SIM115
    yield reading, stream
    stream.close()
    os.close(reading)


def test_outlet_does_not_wait_for_a_reader(pipe: tuple[int, io.TextIOWrapper]) -> None:
    reading, stream = pipe
    outlet = Outlet(stream)
    text = "".join(f"line {number}\n" for number in range(20_000))
    outlet.put(text)
    assert not outlet.drain()
    read = b""
    while not outlet.drain():
        read += os.read(reading, 1 << 16)
    while len(read) < len(text):
        read += os.read(reading, 1 << 16)
    assert read.decode() == text


def test_outlet_keeps_the_order_of_what_the_stream_still_holds(pipe: tuple[int, io.TextIOWrapper]) -> None:
    reading, stream = pipe
    stream.write("before, ")
    Outlet(stream).put("after")
    assert os.read(reading, 100) == b"before, after"


def test_outlet_bears_a_reader_that_left() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w", encoding="utf-8") as stream:
        outlet = Outlet(stream)
        outlet.put("x\n")
        assert outlet.broken
        assert outlet.drain()
        outlet.put("y\n")


def test_outlet_bears_a_descriptor_that_does_not_wait(pipe: tuple[int, io.TextIOWrapper]) -> None:
    _, stream = pipe
    os.set_blocking(stream.fileno(), False)
    outlet = Outlet(stream)
    outlet.put("x" * 300_000)
    assert not outlet.drain()
    assert not outlet.broken


class Hostile(io.StringIO):
    """A stream whose `write` fails."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def write(self, text: str, /) -> int:
        raise self.error


@pytest.mark.parametrize("error", [BrokenPipeError(), ValueError("closed"), OSError(5, "hung up")])
def test_outlet_bears_streams_that_fail(error: Exception) -> None:
    outlet = Outlet(Hostile(error))
    outlet.put("x")
    assert outlet.broken


def test_outlet_writes_what_an_encoding_lacks_in_another_way() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    outlet = Outlet(stream)
    outlet.put("a… é \udcff\n")
    assert not outlet.is_unicode
    assert raw.getvalue() == b"a... \\xe9 \\udcff\n"


@pytest.mark.parametrize("is_closed", [True, False])
def test_a_screen_without_a_stream_is_silent(is_closed: bool) -> None:
    stream = io.StringIO()
    stream.close()
    screen = open_screen(stream if is_closed else None)
    screen.say(*news(make_run()))
    screen.update(make_moment(ok=1))
    screen.close([render_summary(make_moment(ok=1))])
