"""Real notebooks: what the output of a cell shows, and that nothing of a sweep stays alive after it."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat.v4
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from tests.invariants import check_sweep
from tests.patience import wait_until_async
from tests.survivors import MARK, carriers

FORMAT: Any = nbformat.v4
JOB = """
import os, sys, time
n, gate = int(sys.argv[1]), sys.argv[2]
while n >= 3 and not os.path.exists(gate):
    time.sleep(0.02)
if n == 2:
    sys.exit("ValueError: <b>run 2</b> diverged")
"""

CELL = """
import sys, multirun
result = await multirun.multirunAsync(
    runs=[{{"n": n, "kind": "thing"}} for n in range(8)],
    cmd=[sys.executable, "-S", {job!r}, "{{n}}", {gate!r}],
    output_path="sweep",
    runner=multirun.ParallelLocalRunner(max_parallel=2),
    display={display},
)
"""


class Notebook:
    """A notebook with a kernel, executed cell by cell.

    Attributes:
        gate: the file that lets the runs of a sweep end.
    """

    def __init__(self, client: Any, here: Path) -> None:
        self._client, self._here = client, here
        self.gate = here / "gate"

    def start(self, source: str) -> tuple[Any, asyncio.Task[Any]]:
        """A new cell, and the task that executes it."""
        cells = self._client.nb.cells
        cells.append(FORMAT.new_code_cell(source))
        return cells[-1], asyncio.create_task(self._client.async_execute_cell(cells[-1], len(cells) - 1))

    async def execute(self, source: str) -> Any:
        """The outputs of a new cell."""
        cell, task = self.start(source)
        await task
        return cell.outputs

    def start_sweep(self, *, display: bool = True) -> tuple[Any, asyncio.Task[Any]]:
        """A cell that executes a sweep of eight runs: the first three end, the third badly, the others wait."""
        return self.start(CELL.format(job=str(self._here / "job.py"), gate=str(self.gate), display=display))

    async def interrupt(self) -> None:
        """What the button with the square does."""
        await self._client.km.interrupt_kernel()

    async def restart(self) -> None:
        """What the button with the arrow does."""
        await self._client.km.restart_kernel(now=False)

    async def reconnect(self) -> None:
        """Wait for the new kernel."""
        await self._client.kc.wait_for_ready(timeout=60)


@asynccontextmanager
async def open_notebook(here: Path) -> AsyncIterator[Notebook]:
    """A notebook in a directory."""
    (here / "job.py").write_text(JOB)
    client: Any = NotebookClient(
        FORMAT.new_notebook(), timeout=60, kernel_name="python3", resources={"metadata": {"path": str(here)}}
    )
    manager = client.create_kernel_manager()
    manager.transport, manager.ip = "ipc", f"{os.environ['JUPYTER_RUNTIME_DIR']}/socket"
    async with client.async_setup_kernel():
        yield Notebook(client, here)


def shown(cell: Any) -> str:
    """The text of the one output of a cell, empty as long as there is none."""
    displays = [output for output in cell.outputs if output["output_type"] == "display_data"]
    assert len(displays) <= 1, displays
    assert not [output for output in cell.outputs if output["output_type"] == "stream"], cell.outputs
    return displays[0]["data"]["text/plain"] if displays else ""


def programs(mark: str) -> list[int]:
    """The living processes of runs of this test."""
    return [pid for pid in carriers(mark, MARK) if b"job.py" in _command_of(pid)]


def _command_of(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


@pytest.fixture(autouse=True)
def own_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Kernels keep what they remember of a user to this test; the names of their sockets must be short."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    with TemporaryDirectory() as folder:
        monkeypatch.setenv("JUPYTER_RUNTIME_DIR", folder)
        yield


async def test_a_cell_stays_up_to_date_and_ends_with_a_summary(tmp_path: Path) -> None:
    async with open_notebook(tmp_path) as notebook:
        cell, task = notebook.start_sweep()
        await wait_until_async(lambda: re.search(r"━.* 2 running, 2 ok, 1 failed, 3 waiting of 8", shown(cell)))
        await wait_until_async(lambda: re.search(r"\n  run 3  n=3  \d s\n  run 4  n=4  \d s\n", shown(cell)))
        assert "\nrun 2 (n=2) failed: exit code 1" in shown(cell)
        assert shown(cell).endswith("; more: multirun show sweep 2")
        notebook.gate.touch()
        await task
        assert re.search(r"^7 ok, 1 failed of 8 in [\d.]+ s", shown(cell), re.MULTILINE)
        assert "━" not in shown(cell)
        (output,) = cell.outputs
        markup = output["data"]["text/html"]
        assert markup.startswith("<pre ")
        assert set(re.findall(r"<(\w+)", markup)) == {"pre", "span"}
        assert "\x1b" not in markup
    check_sweep(tmp_path / "sweep")


async def test_nothing_is_shown_unless_asked(tmp_path: Path) -> None:
    async with open_notebook(tmp_path) as notebook:
        notebook.gate.touch()
        cell, task = notebook.start_sweep(display=False)
        await task
        assert cell.outputs == []
    check_sweep(tmp_path / "sweep")


async def test_interrupting_a_kernel_ends_the_sweep_and_leaves_the_kernel(
    tmp_path: Path, leaves_no_process: str
) -> None:
    async with open_notebook(tmp_path) as notebook:
        cell, task = notebook.start_sweep()
        await wait_until_async(lambda: "2 running, 2 ok, 1 failed" in shown(cell))
        assert len(programs(leaves_no_process)) == 2
        await notebook.interrupt()
        with pytest.raises(CellExecutionError):
            await task
        (error,) = (output for output in cell.outputs if output["output_type"] == "error")
        (line,) = error["traceback"]
        assert line.startswith("CancelledError: the sweep was stopped and nothing of it is running any more; 2 ok, 3 ")
        assert line.endswith(
            f"; list them with: multirun results {tmp_path}/sweep"
            f"; to go on, call it again with resume=True, or type: multirun resume {tmp_path}/sweep"
        )
        assert programs(leaves_no_process) == []
        check_sweep(tmp_path / "sweep")
        assert "2 runs cancelled, counted as failed: 3-4" in shown(cell)
        assert re.search(r"^2 ok, 3 failed, 3 waiting of 8 in ", shown(cell), re.MULTILINE)
        (output,) = await notebook.execute("len(multirun.runners.ledger.__name__)")
        assert output["data"]["text/plain"] == "23"


async def test_restarting_a_kernel_ends_the_sweep(tmp_path: Path, leaves_no_process: str) -> None:
    async with open_notebook(tmp_path) as notebook:
        cell, task = notebook.start_sweep()
        await wait_until_async(lambda: "2 running, 2 ok, 1 failed" in shown(cell))
        assert len(programs(leaves_no_process)) == 2
        await notebook.restart()
        await wait_until_async(lambda: not programs(leaves_no_process), 2.0, "the runs of the old kernel are dead")
        check_sweep(tmp_path / "sweep", killed=True)
        task.cancel()
        with suppress(asyncio.CancelledError, DeadKernelError):
            await task
        await notebook.reconnect()
        (output,) = await notebook.execute("6 * 7")
        assert output["data"]["text/plain"] == "42"


async def test_the_blocking_function_names_the_other_one(tmp_path: Path) -> None:
    async with open_notebook(tmp_path) as notebook:
        with pytest.raises(CellExecutionError, match=re.escape("await multirunAsync(..., display=True)")):
            await notebook.execute("import multirun\nmultirun.multirun(runs=[{}], cmd=['true'])")
