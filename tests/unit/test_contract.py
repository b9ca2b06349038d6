"""Names that parent and child agree on."""

import pytest

from multirun.contract import is_pickle_name, is_reserved_name, is_system_text

DIGEST = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    "name",
    [
        "params.json",
        "results.json",
        "stdout.log",
        "stderr.log",
        "results-x.pkl",
        "results-.pkl",
        ".multirun",
        ".multirun-1.tmp",
    ],
)
def test_our_own_names_are_reserved(name: str) -> None:
    assert is_reserved_name(name)


@pytest.mark.parametrize(
    "name", ["", "params.jsonl", "Params.json", "results.csv", "results-1.pk", "xresults-1.pkl", "multirun", "job.py"]
)
def test_other_names_are_free(name: str) -> None:
    assert not is_reserved_name(name)


def test_a_pickle_is_named_by_a_digest() -> None:
    assert is_pickle_name(f"results-{DIGEST}.pkl")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "results-.pkl",
        f"results-{DIGEST[:-1]}.pkl",
        f"results-{DIGEST}0.pkl",
        f"results-{DIGEST.upper()}.pkl",
        f"results-{'/' + DIGEST[1:]}.pkl",
        f"../results-{DIGEST}.pkl",
        f"results-{DIGEST}.pkl/",
        f"Results-{DIGEST}.pkl",
        f"results-{DIGEST}.pkx",
        "results-" + "../" * 21 + "a.pkl",
    ],
)
def test_nothing_else_is_taken_for_a_pickle(name: str) -> None:
    assert not is_pickle_name(name)


@pytest.mark.parametrize("text", ["", "a b", "η\n", "raw-\udcff", "\U0001f40c", "-"])
def test_the_system_takes_any_bytes_but_nul(text: str) -> None:
    assert is_system_text(text)


@pytest.mark.parametrize("text", ["\0", "a\0b", "\ud800", "a\udfffb"])
def test_the_system_takes_neither_nul_nor_surrogates(text: str) -> None:
    assert not is_system_text(text)
