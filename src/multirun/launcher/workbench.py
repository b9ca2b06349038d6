"""What a lane keeps at hand for one sweep: its definition, plan, inputs, environment and journal."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from time import time
from typing import TYPE_CHECKING, Any

from multirun.attempts import prune, set_aside
from multirun.command import render, render_words
from multirun.contract import (
    ENV_ATTEMPT,
    ENV_COOKIE,
    ENV_INDEX,
    ENV_PARAMS,
    ENV_RESULTS,
    ENV_RUN_DIR,
    PARAMS_FILE,
    RESULTS_FILE,
    THREAD_VARIABLES,
)
from multirun.definition import Definition, read_definition
from multirun.encoding import decode_map
from multirun.failpoints import reach
from multirun.journal import Journal
from multirun.plan import params_of_line, read_line
from multirun.rundir import SweepPaths
from multirun.staging import Stager, call

if TYPE_CHECKING:
    from multirun.extraction import Extraction
    from multirun.launcher.extractor import Extractor
    from multirun.launcher.messages import Order

_RUN_DIR, _PARAMS, _RESULTS = (name.encode() for name in (ENV_RUN_DIR, ENV_PARAMS, ENV_RESULTS))
_INDEX, _ATTEMPT = ENV_INDEX.encode(), ENV_ATTEMPT.encode()
_PARAMS_PATH, _RESULTS_PATH = f"/{PARAMS_FILE}".encode(), f"/{RESULTS_FILE}".encode()
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


class Workbench:
    """One sweep as one lane sees it.

    Attributes:
        paths: where everything is.
        definition: what to execute.
        journal: the lane's own journal in this sweep.
    """

    def __init__(self, root: str, launcher_id: str, lane: int, session: int = 1) -> None:
        """Open a sweep.

        Args:
            root: its directory.
            launcher_id: random text that no other launcher has.
            lane: number of the lane.
            session: number of the session that gives the orders.

        Raises:
            OSError: the sweep cannot be read, or its journal cannot be created.
        """
        self.paths = SweepPaths(root, session)
        self.definition = read_definition(self.paths)
        self._stager = Stager(self.paths, self.definition.inputs, self.definition.snapshot)
        self._plan = os.open(self.paths.plan, os.O_RDONLY | os.O_CLOEXEC)
        self._env = base_environment(self.definition, launcher_id)
        self._env_templates = {name: value for name, value in self.definition.env.items() if "{" in value}
        self._templated = bool(self._env_templates) or any("{" in word for word in self.definition.command)
        self._needs_params = self._templated or self._stager.renders
        writer = self.paths.lane(launcher_id, lane)
        if self.definition.rules.results:
            _prepare_rules(self.definition.rules.results)
        self._made: str | None = None
        reach("lane.opened")
        try:
            synced = self.definition.options.survives_power_loss
            path = self.paths.journal(writer)
            self.journal = Journal(path, self.definition.id, writer, time(), session, synced=synced)
        except OSError:
            os.close(self._plan)
            raise

    def close(self) -> None:
        """Let go of the sweep."""
        os.close(self._plan)
        self.journal.close()

    def prepare(
        self,
        order: Order,
        check_in: Callable[[], None],
        interruptibly: Callable[[Callable[[], None]], None] = call,
    ) -> tuple[list[str], dict[bytes, bytes]]:
        """Make the directory of a run, fill it, and return command and environment.

        The environment is reused for the next run.

        Args:
            order: the run.
            check_in: called now and then; what it raises ends the preparation.
            interruptibly: calls what fills in templates, which can compute for ever.

        Raises:
            OSError: the disk refused.
            InputChangedError: a linked file is missing or was changed.
            ValueError: a template does not fit the parameters.
        """
        text = params_of_line(read_line(self._plan, order.offset))
        params = decode_map(json.loads(text)) if self._needs_params else {}
        run_dir = self.paths.run(order.run)
        self._make_directory(order, run_dir)
        reach("lane.directory")
        _write(f"{run_dir}/{PARAMS_FILE}", text + b"\n")
        reach("lane.params")
        self._stager.stage(run_dir, order.run, check_in, params, interruptibly, only_missing=self._made is None)
        reach("lane.staged")
        self._point_to(order, os.fsencode(run_dir))
        return self._command(params), self._env

    def _make_directory(self, order: Order, run_dir: str) -> None:
        """Make the directory of a run, unless it is to be kept."""
        self._made = None
        try:
            _make(run_dir)
        except FileExistsError:  # kept, or made by an attempt whose record was lost
            self.set_aside(order)
            if self.definition.options.keep_directory:
                with suppress(FileNotFoundError):
                    os.unlink(f"{run_dir}/{PARAMS_FILE}")
                return
            _make(run_dir)
        self._made = run_dir

    def set_aside(self, order: Order) -> None:
        """Move what stands where an attempt will be made.

        Raises:
            OSError: the disk refused.
        """
        options = self.definition.options
        set_aside(self.paths, order.run, order.attempt - 1, keep_directory=options.keep_directory)
        if options.keep_attempts is not None:
            prune(self.paths, order.run, order.attempt - 1, options.keep_attempts)

    def discard(self, order: Order) -> None:
        """Remove the directory of a run, if it was made for the attempt that is being prepared.

        Raises:
            OSError: the disk refused.
        """
        import shutil

        if self._made == self.paths.run(order.run):
            os.chdir("/")
            with suppress(FileNotFoundError):
                shutil.rmtree(self.paths.run(order.run))

    def _point_to(self, order: Order, run_dir: bytes) -> None:
        env = self._env
        env[_RUN_DIR] = run_dir
        env[b"PWD"] = run_dir
        env[_PARAMS] = run_dir + _PARAMS_PATH
        env[_RESULTS] = run_dir + _RESULTS_PATH
        env[_INDEX] = b"%d" % order.run
        env[_ATTEMPT] = b"%d" % order.attempt

    def _command(self, params: dict[str, Any]) -> list[str]:
        if not self._templated:
            return list(self.definition.command)
        for name, value in self._env_templates.items():
            self._env[os.fsencode(name)] = os.fsencode(render(value, params))
        return render_words(self.definition.command, params, shell=self.definition.shell)

    def start_extractor(self, order: Order) -> Extractor:
        """Start to take results from what the program of a run left.

        Raises:
            OSError: the machine lacks descriptors, processes or memory.
        """
        from multirun.launcher.extractor import Extractor

        rules = self.definition.rules.results
        params = self._params_for((rule.file for rule in rules), order)
        return Extractor(rules, self.paths.run(order.run), params)

    def missing_files(self, order: Order) -> list[str]:
        """Those of the required files that a run did not leave, or left empty."""
        required = self.definition.rules.required_files
        if not required:
            return []
        run_dir, params = self.paths.run(order.run), self._params_for(required, order)
        names = (render(name, params) for name in required)
        return [name for name in names if not _has_content(f"{run_dir}/{name}")]

    def _params_for(self, texts: Iterable[str], order: Order) -> dict[str, Any]:
        """The parameters of a run, if one of the texts needs any."""
        if not any("{" in text for text in texts):
            return {}
        return decode_map(json.loads(params_of_line(read_line(self._plan, order.offset))))


def _prepare_rules(rules: tuple[Extraction, ...]) -> None:
    """Load and compile what processes that are forked for single runs will need."""
    from multirun.launcher.extractor import prepare

    prepare(rules)


def base_environment(definition: Definition, launcher_id: str) -> dict[bytes, bytes]:
    """The environment of the runs of a sweep, apart from what differs between them."""
    env = dict(os.environb)
    threads = definition.options.threads_per_run
    for name in THREAD_VARIABLES:
        if threads is not None:
            env[name.encode()] = b"%d" % threads
        else:
            env.setdefault(name.encode(), b"1")
    env.update({os.fsencode(name): os.fsencode(value) for name, value in definition.env.items()})
    outer = env.get(ENV_COOKIE.encode(), b"")
    env[ENV_COOKIE.encode()] = b" ".join([*outer.split(), f"{definition.id}:{launcher_id}".encode()])
    return env


def _make(run_dir: str) -> None:
    try:
        os.mkdir(run_dir)
    except FileNotFoundError:
        try:
            os.mkdir(os.path.dirname(run_dir))
        except FileExistsError:  # another lane was faster
            pass
        os.mkdir(run_dir)


def _write(path: str, data: bytes) -> None:
    descriptor = os.open(path, _CREATE, 0o666)
    try:
        written = os.write(descriptor, data)
        while written < len(data):
            written += os.write(descriptor, data[written:])
    finally:
        os.close(descriptor)


def _has_content(path: str) -> bool:
    try:
        return os.path.isdir(path) or os.stat(path).st_size > 0
    except OSError:
        return False
