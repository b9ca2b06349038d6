"""Numbers of bytes as people write them."""

import pytest

from multirun.sizes import format_size, parse_size

SIZES = {
    "1": 1,
    "2000 B": 2000,
    "1kB": 1000,
    "1KB": 1000,
    "1 KiB": 1024,
    "100MB": 100_000_000,
    " 100 mb ": 100_000_000,
    "512MiB": 512 * 2**20,
    "1.5GB": 1_500_000_000,
    "0.5 GiB": 2**29,
    "2TB": 2 * 10**12,
    "1TiB": 2**40,
}


@pytest.mark.parametrize(("text", "size"), SIZES.items())
def test_texts(text: str, size: int) -> None:
    assert parse_size(text) == size


def test_a_number_is_bytes() -> None:
    assert parse_size(123) == 123


@pytest.mark.parametrize(
    "value", [0, -1, 1.0, True, None, b"1", "", "MB", "1M", "1Mb/s", "-1MB", "1e6", "0.0001kB", "٣MB x", "9" * 50]
)
def test_what_is_no_size(value: object) -> None:
    with pytest.raises(ValueError, match=r'is no size; write bytes .* or text such as "100MB"'):
        parse_size(value)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (1500, "1.5 kB"),
        (999_499, "999 kB"),
        (999_600, "1 MB"),
        (123_456_789, "123 MB"),
        (10**15, "1e+03 TB"),
    ],
)
def test_texts_for_people(size: int, text: str) -> None:
    assert format_size(size) == text
