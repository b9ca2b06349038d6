"""What a program calls inside a run: `getRunParams` and `postRunResults`.

It is imported at the start of every run, so it loads nothing that a program may not need.
"""

from __future__ import annotations

import os

from multirun.contract import (
    ENV_INDEX,
    ENV_PARAMS,
    ENV_RESULTS,
    PICKLE_PREFIX,
    PICKLE_SUFFIX,
    PICKLED_KEYS,
    is_pickle_name,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, BinaryIO

    from multirun.encoding import Unencodable

__all__ = ["getRunParams", "postRunResults"]

_BY_HAND = f'Let multirun start the program, or set {ENV_PARAMS} to a file that holds a map such as {{"x": 1}}.'
_WHO_WRITES = "multirun wrote it before the program started: find out what else writes to it."
_LOCK_SECONDS = 10.0


def getRunParams() -> dict[str, Any]:
    """Return the parameters of the run this program belongs to.

    Every call reads them anew, so changing the returned map changes nothing else.

    Returns:
        The map given to the sweep for this run, with the same values, types and order.

    Raises:
        NotInRunError: the program was not started by a sweep.
        ParamsError: the file of parameters is missing or damaged, or needs a module that is not installed.
    """
    path = _path_from(ENV_PARAMS, "getRunParams")
    import json

    from multirun.encoding import decode_map

    try:
        with open(path, "rb") as file:
            document = json.loads(file.read())
        if type(document) is not dict:
            raise ValueError("it holds no map")
        return decode_map(document)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: str, error: Exception) -> Exception:
    from multirun.errors import ParamsError

    if isinstance(error, OSError):
        return ParamsError(f"{_run()}: its parameters cannot be read from {path}: {error.strerror}. {_BY_HAND}")
    if isinstance(error, ParamsError):
        return ParamsError(f"{_run()}: {error} (read from {path})")
    return ParamsError(f"{_run()}: {path} is damaged: {error}. {_WHO_WRITES}")


def postRunResults(results: object) -> None:
    """Publish the results of the run this program belongs to.

    When the call returns, the results are on the disk. Posting again replaces them as a whole, so that
    whoever reads sees the earlier or the later ones.

    Args:
        results: a map such as `{"energy": 1.5}` that becomes a row of the table, or any other object. What
            JSON cannot hold is pickled.

    Raises:
        NotInRunError: the program was not started by a sweep.
        ResultsError: the object can be neither written as JSON nor pickled; earlier results stay.
        OSError: the disk is full or fails; earlier results stay, unless it fails at the very last step.
    """
    path = os.path.abspath(_path_from(ENV_RESULTS, "postRunResults"))
    from multirun.encoding import Unencodable, encode_document

    try:
        try:
            _post(path, encode_document(results))
        except Unencodable as refusal:
            _post_pickled(path, results, refusal)
    except OSError as error:
        error.add_note(f"{_run()}: its results could not be posted to {path}")
        raise


def _post(path: str, document: object) -> None:
    with _Draft(path) as draft:
        draft.write(document)
        _publish(path, draft)


def _post_pickled(path: str, results: object, refusal: Unencodable) -> None:
    from multirun.encoding import PICKLE, excerpt

    with _Draft(path) as pickled, _Draft(path) as draft:
        _pickle(results, pickled, refusal)
        shown, lacking = excerpt(results)
        draft.write({**shown, PICKLE: pickled.name, PICKLED_KEYS: lacking})
        _publish(path, draft, pickled)


def _publish(path: str, draft: _Draft, pickled: _Draft | None = None) -> None:
    with _Folder(os.path.dirname(path)) as folder:
        earlier, later = _pickle_of(path), None
        if pickled is not None:
            later = pickled.name
            pickled.take_name()
            folder.sync()
            _reach("post.pickled")
        try:
            draft.take_name()
        except OSError:
            folder.remove(later, unless=earlier)
            raise
        _reach("post.renamed")
        folder.sync()
        folder.remove(earlier, unless=later)


class _Draft:
    """A new file beside the results. It takes its name when it is on the disk; without one it vanishes."""

    def __init__(self, path: str) -> None:
        self.folder, self.name = os.path.split(path)
        self.path = f"{self.folder}/.multirun-{os.getpid()}-{os.urandom(8).hex()}.tmp"
        self.file = open(self.path, "xb")  # noqa: SIM115, closed by __exit__

    def write(self, document: object) -> None:
        from multirun.encoding import dumps

        self.file.write(dumps(document).encode("ascii") + b"\n")
        self.close()

    def close(self) -> None:
        self.file.flush()
        _reach("post.written")
        os.fsync(self.file.fileno())
        self.file.close()
        _reach("post.synced")

    def take_name(self) -> None:
        os.rename(self.path, f"{self.folder}/{self.name}")
        self.path = ""

    def __enter__(self) -> _Draft:
        return self

    def __exit__(self, *_: object) -> None:
        if self.path:
            _remove(self.path)
        try:
            self.file.close()
        except OSError:  # writing what was left failed again
            pass


class _Folder:
    """The folder of the results, locked: nobody else removes a pickle that we are about to refer to."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def sync(self) -> None:
        import errno

        try:
            os.fsync(self.descriptor)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # a file system that cannot sync folders
                raise

    def remove(self, name: str | None, unless: str | None) -> None:
        if name not in (None, unless):
            _remove(f"{self.path}/{name}")

    def __enter__(self) -> _Folder:
        _lock(self.descriptor)
        return self

    def __exit__(self, *_: object) -> None:
        _unlock(self.descriptor)
        os.close(self.descriptor)


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:  # a leftover harms nobody
        pass


def _pickle(results: object, draft: _Draft, refusal: Unencodable) -> None:
    import hashlib

    digest = hashlib.sha256()
    try:
        _pickler()(results, _Tee(draft.file, digest.update))
    except (OSError, MemoryError):
        raise
    except Exception as error:
        from multirun.errors import ResultsError

        raise ResultsError(_explain(refusal, error)) from error
    draft.close()
    draft.name = f"{PICKLE_PREFIX}{digest.hexdigest()}{PICKLE_SUFFIX}"


def _pickler() -> Callable[[object, Any], None]:
    try:
        import cloudpickle as module  # type: ignore[import-untyped]
    except ImportError:
        import pickle as module
    dump: Callable[[object, Any], None] = module.dump
    return dump


class _Tee:
    """A file that shows all it is given to a second reader."""

    def __init__(self, file: BinaryIO, also: Callable[[bytes], None]) -> None:
        self._file = file
        self._also = also

    def write(self, data: bytes) -> int:
        self._also(data)
        return self._file.write(data)


def _explain(refusal: Unencodable, error: Exception) -> str:
    step = "" if refusal.path[:1] in ("", "[") else "."
    return (
        f"{_run()}: the results cannot be posted. As JSON: results{step}{refusal.path} {refusal.why}. "
        f"As a pickle: {type(error).__name__}: {error}. "
        "Leave that part out, or save it to a file and post the name of the file. What was posted before stays."
    )


def _pickle_of(path: str) -> str | None:
    """Return the name of the pickle that the results posted so far refer to."""
    import json

    from multirun.encoding import PICKLE

    try:
        with open(path, "rb", opener=_open_at_once) as file:
            data = file.read()
        document = json.loads(data) if b'"$pickle"' in data else None
    except (OSError, ValueError, RecursionError):
        return None
    name = document.get(PICKLE) if type(document) is dict else None
    return name if type(name) is str and is_pickle_name(name) else None


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # it may be a FIFO that nobody writes to


def _lock(folder: int) -> None:
    """Keep others that post in this folder from removing a pickle we are about to refer to."""
    import fcntl
    import time

    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            return fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:  # its holder was stopped; both posts are whole anyway
                return None
            time.sleep(0.002)
        except OSError:  # a file system without locks
            return None


def _unlock(folder: int) -> None:
    import fcntl

    try:
        fcntl.flock(folder, fcntl.LOCK_UN)  # closing alone leaves it locked for a forked copy of the descriptor
    except OSError:
        pass


def _reach(point: str) -> None:
    from multirun.failpoints import reach

    reach(point)


def _path_from(variable: str, caller: str) -> str:
    path = os.environ.get(variable)
    if not path:
        from multirun.errors import NotInRunError

        raise NotInRunError(
            f"{caller}() was called outside a run: the variable {variable} is not set. Let multirun start "
            f"this program, or to try it alone set {ENV_PARAMS} and {ENV_RESULTS} to two files of your own."
        )
    return path


def _run() -> str:
    index = os.environ.get(ENV_INDEX)
    return f"run {index}" if index else "this run"
