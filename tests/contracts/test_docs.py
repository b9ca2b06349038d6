"""The documentation is true: its code runs, its output comes out, its links lead somewhere, its tables are complete."""

import inspect
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest
from tests.contracts.documents import Reader, blocks_of, needs_of
from tests.invariants import check_sweep

import multirun
from multirun import cli, contract, errors, testing
from multirun.commandline import exits
from multirun.encoding.kinds import KINDS
from multirun.extraction import Extraction
from multirun.run import TRANSITIONS
from multirun.verdict import REASONS

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINKED = [ROOT / name for name in ("CHANGELOG.md", "examples/README.md", "benchmarks/README.md")]
GUIDES = [ROOT / "README.md", ROOT / "docs" / "howto.md", ROOT / "docs" / "reference.md"]
MARKERS = ("", "file: ", "prints", "screen: ", "not run: ")
PLAIN_ANYWHERE = ("awk", "mermaid", "sh")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def section(page: str, heading: str) -> str:
    """The text below a heading of a page of docs, up to the next heading."""
    _, found, rest = (ROOT / "docs" / page).read_text().partition(f"\n{heading}\n")
    assert found, f"{page} has no heading {heading!r}"
    return re.split(r"^#+ ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def rows(text: str) -> list[list[str]]:
    """The cells of the tables in a text, without their headers."""
    tables = re.findall(r"^\|[ :-][-| :]+\|\n((?:\|.*\|\n)+)", text, re.MULTILINE)
    return [[cell.strip() for cell in line.split("|")[1:-1]] for table in tables for line in table.splitlines()]


def names_in(cell: str) -> list[str]:
    """What stands between backticks."""
    return re.findall(r"`([^`]+)`", cell)


# ------------------------------------------------------------------------------------- what it shows


@each_page
def test_page_comes_true(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    for program in needs_of(page):
        request.getfixturevalue(program)
    home = tmp_path / "study"
    home.mkdir()
    monkeypatch.chdir(home)
    reader = Reader(page, home)
    for block in blocks_of(page):
        reader.read(block)
    for definition in home.rglob("sweep.json"):
        check_sweep(definition.parent)


@each_page
def test_every_block_says_what_it_is(page: Path) -> None:
    blocks = list(blocks_of(page))
    assert page.read_text().count("```") == 2 * len(blocks), "a fence is indented, or a block names no language"
    for block in blocks:
        assert block.marker.startswith(MARKERS[1:]) or not block.marker, f"line {block.line}: {block.marker!r}"
        executed = block.language in ("python", "console", *PLAIN_ANYWHERE)
        assert executed or block.marker, f"line {block.line}: nothing says where this {block.language} comes from"


# --------------------------------------------------------------------------------------- where it leads


def anchors_of(page: Path) -> set[str]:
    """The names under which the headings of a page can be linked."""
    return {anchor(heading) for heading in re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)}


def anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", [*PAGES, *LINKED], ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        path, _, place = link.partition("#")
        assert not re.match(r"\w+:", link), f"{link} leads out of the project"
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not place or place in anchors_of(target), link


def test_howto_lists_its_sections() -> None:
    page = ROOT / "docs" / "howto.md"
    contents = page.read_text().partition("\n## ")[0]
    sections = {anchor(heading) for heading in re.findall(r"^## (.+)$", page.read_text(), re.MULTILINE)}
    assert set(re.findall(r"\(#([\w-]+)\)", contents)) == sections


@each_page
def test_tests_that_are_named_exist(page: Path) -> None:
    for path, name in re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", page.read_text()):
        assert (ROOT / path).is_file(), path
        assert not name or f"def {name}(" in (ROOT / path).read_text(), f"{path}::{name}"


# ------------------------------------------------------------------------------- whether it is complete


def test_every_public_name_is_documented() -> None:
    text = "\n".join(page.read_text() for page in GUIDES)
    assert not [name for name in multirun.__all__ if not re.search(rf"\b{name}\b", text)]


def test_reference_lists_the_keywords() -> None:
    documented = {names_in(row[0])[0]: row[1] for row in rows(section("reference.md", "## Keywords"))}
    parameters = inspect.signature(multirun.multirun).parameters
    assert list(documented) == list(parameters)
    assert inspect.signature(multirun.multirunAsync).parameters == parameters
    for name, parameter in parameters.items():
        expected = "required" if parameter.default is inspect.Parameter.empty else f"`{parameter.default!r}`"
        assert documented[name] == expected, name


def test_reference_lists_the_errors() -> None:
    documented = {names_in(row[0])[0]: names_in(row[1]) for row in rows(section("reference.md", "## Errors"))}
    tree = {
        name: [base.__name__ for base in kind.__bases__ if base is not errors.MultirunError]
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.MultirunError) and kind is not errors.MultirunError
    }
    assert documented == tree


def test_reference_lists_the_reasons() -> None:
    assert [names_in(row[0])[0] for row in rows(section("reference.md", "### Reasons"))] == list(REASONS)


def test_every_reason_has_its_causes() -> None:
    page = (ROOT / "docs" / "failed.md").read_text()
    headings = [name for heading in re.findall(r"^### (.+)$", page, re.MULTILINE) for name in names_in(heading)]
    assert headings == list(REASONS)


def test_reference_lists_the_environment() -> None:
    documented = {names_in(row[0])[0] for row in rows(section("reference.md", "### Environment"))}
    assert documented == {name for key, name in vars(contract).items() if key.startswith("ENV_")} - {"MULTIRUN_"}


RETURNED = (multirun.Run, multirun.RunStatistics, multirun.SweepResult)


@pytest.mark.parametrize("kind", [*RETURNED, multirun.ParallelLocalRunner], ids=lambda kind: kind.__name__)
def test_reference_lists_the_attributes(kind: type) -> None:
    heading = f"### `{kind.__name__}`" if kind in RETURNED else "### Runners"
    documented = {name for row in rows(section("reference.md", heading)) for name in names_in(row[0])}
    described = {name for name, _ in inspect.getmembers(kind, inspect.isdatadescriptor) if not name.startswith("_")}
    assert documented >= described - {"posted"}  # which is for the table alone
    assert documented <= described | {"path", "statistics", "stopped", "max_parallel", "computeStatistics()"}


def test_reference_lists_what_a_result_can_do() -> None:
    table = rows(section("reference.md", "#### What a result can do"))
    documented = {re.sub(r"^SweepResult\.|\(.*", "", name) for row in table for name in names_in(row[0])}
    members = {name for name, _ in inspect.getmembers(multirun.SweepResult, callable) if not name.startswith("_")}
    assert documented == members - {"count", "index"}  # which every sequence has


def test_reference_lists_what_a_group_has() -> None:
    documented = {name for row in rows(section("reference.md", "#### Averages")) for name in names_in(row[0])}
    assert documented == set(multirun.Group.__slots__)


def test_reference_lists_the_exit_codes() -> None:
    documented = {int(names_in(row[0])[0]) for row in rows(section("reference.md", "### Exit codes"))}
    assert documented == {value for name, value in vars(exits).items() if name.isupper()}


@pytest.fixture(scope="module")
def failed_sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep with one run, which failed."""
    path = tmp_path_factory.mktemp("failed") / "sweep"
    multirun.multirun(runs=[{}], cmd=["false"], output_path=path, display=False)
    return path


def printed_by(words: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The JSON object that a command prints."""
    with pytest.raises(SystemExit):
        cli.main(words)
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_reference_lists_what_status_prints_as_json(failed_sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = printed_by(["status", "--json", str(failed_sweep)], capsys)
    table = rows(section("reference.md", "### `multirun status --json`"))
    documented = [name for row in table for cell in row for name in names_in(cell)]
    assert sorted(documented) == sorted([*found, *found["counts"], *found["failed"][0]])


def test_reference_lists_what_explain_prints_as_json(failed_sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = printed_by(["explain", "--json", str(failed_sweep)], capsys)
    table = rows(section("reference.md", "### `multirun explain --json`"))
    assert sorted(name for row in table for name in names_in(row[0])) == sorted(found)


def test_reference_lists_what_show_prints_as_json(failed_sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = printed_by(["show", "--json", str(failed_sweep), "0"], capsys)
    table = rows(section("reference.md", "### `multirun show --json`"))
    assert sorted(name for row in table for name in names_in(row[0])) == sorted(found)


def test_reference_lists_the_commands_and_their_options() -> None:
    page = section("reference.md", "### Commands")
    options = {(name, option) for name, command in cli.commands.commands.items() for option in options_of(command)}
    documented = [(names_in(row[0])[0].split()[1], names_in(row[0])) for row in rows(page) if "multirun" in row[0]]
    found = {
        (name, word) for name, texts in documented for text in texts for word in re.findall(r"(?<!\w)-[-\w]+", text)
    }
    assert found == options


def options_of(command: click.Command) -> list[str]:
    return [word for each in command.params if isinstance(each, click.Option) for word in each.opts]


def test_reference_lists_the_scene() -> None:
    documented = [names_in(row[0])[0] for row in rows(section("reference.md", "## Testing"))]
    assert documented == list(inspect.signature(testing.Scene).parameters)


def keys_in(value: object) -> set[str]:
    """All keys of the objects in a JSON value, apart from those that users choose."""
    if isinstance(value, list):
        return {key for item in value for key in keys_in(item)}
    if not isinstance(value, dict):
        return set()
    own = {key for key in value if key not in ("params", "results", "env")}
    return set(value) | {key for name in own for key in keys_in(value[name])}


def test_formats_explains_every_field(sweep_dir: Path) -> None:
    large = """for n in 1 2 3 4 5 6 7 8 9; do printf '%0900d' 0; done | sed 's/.*/{"pad": "&"}/' >$MULTIRUN_RESULTS"""
    multirun.multirun(
        runs=[{"script": "true"}, {"script": "exit 3"}, {"script": "exec sleep 9"}, {"script": large}],
        cmd=["sh", "-c", "{script}"],
        input_files=[multirun.FileResource(__file__, linkage="link")],
        results={"x": {"stdout": "x", "optional": True}},
        timeout=1,
        output_path=sweep_dir,
    )
    files = [sweep_dir / "plan.jsonl", *(sweep_dir / "journal").iterdir()]
    lines = [line for file in files for line in file.read_text().splitlines()]
    found = keys_in([json.loads(text) for text in [*lines, (sweep_dir / "sweep.json").read_text()]])
    page = (ROOT / "docs" / "formats.md").read_text()
    found |= set(Extraction.__dataclass_fields__)
    assert not sorted(name for name in found if f"`{name}`" not in page)


def test_formats_explains_every_type() -> None:
    documented = {name for row in rows(section("formats.md", "### Types")) for name in names_in(row[0])}
    assert documented == {f"${name}" for name in KINDS}


# -------------------------------------------------------------------------------------- the map of the code


def test_design_names_every_module_in_its_layer() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    package = Path(multirun.__file__).parent
    inner = [path for path in package.rglob("*.py") if path.parent != package and not path.name.startswith("__")]
    table = rows(section("design.md", "## Modules"))
    assert len(table) == len(layers)
    for row, layer in zip(table, layers, strict=True):
        modules = re.findall(r"\w+", layer)
        parts = {path.stem for path in inner if path.parent.name in modules}
        assert {*modules, *parts} <= set(names_in(row[1])), row[0]


def test_design_shows_every_change_of_status() -> None:
    page = section("design.md", "## States")
    changes = [[before, after, why] for before, afters in TRANSITIONS.items() for after, why in afters.items()]
    assert rows(page) == changes
    assert re.findall(r"^    (\w+) --> (\w+)$", page, re.MULTILINE) == [(before, after) for before, after, _ in changes]
