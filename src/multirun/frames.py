"""Tables as data frames of other libraries, which are loaded only when somebody asks for one."""

from __future__ import annotations

import importlib
import json
import shlex
import sys
from typing import TYPE_CHECKING, Any

from multirun.columns import Kind, Table, typed_columns
from multirun.errors import MissingExtraError

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

_PANDAS: dict[Kind, str] = {
    "bool": "boolean",
    "int": "Int64",
    "uint": "UInt64",
    "float": "float64",
    "text": "string",
    "empty": "object",
}
_POLARS: dict[Kind, str] = {
    "bool": "Boolean",
    "int": "Int64",
    "uint": "UInt64",
    "float": "Float64",
    "text": "String",
    "empty": "Null",
}
_ARROW: dict[Kind, str] = {
    "bool": "bool_",
    "int": "int64",
    "uint": "uint64",
    "float": "float64",
    "text": "string",
    "empty": "null",
}


def to_pandas(table: Table) -> pandas.DataFrame:
    """A table as a pandas data frame.

    Raises:
        MissingExtraError: pandas is not installed.
    """
    pandas = _load("pandas", "pandas")
    return pandas.DataFrame(
        {name: pandas.Series(values, dtype=_PANDAS[kind]) for name, kind, values in typed_columns(table)}
    )


def to_polars(table: Table) -> polars.DataFrame:
    """A table as a polars data frame.

    Raises:
        MissingExtraError: polars is not installed.
    """
    library = _load("polars", "polars")
    columns = [
        library.Series(name, values, getattr(library, _POLARS[kind])) for name, kind, values in typed_columns(table)
    ]
    frame: polars.DataFrame = library.DataFrame(columns)
    return frame


def to_arrow(table: Table) -> pyarrow.Table:
    """A table as an Arrow table.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    arrow = _load("pyarrow", "arrow")
    columns = {name: arrow.array(values, getattr(arrow, _ARROW[kind])()) for name, kind, values in typed_columns(table)}
    return arrow.table(columns)


def _load(module: str, extra: str) -> Any:  # noqa: ANN401 - a module
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise MissingExtraError(
            f"this needs {module}, which {sys.executable} does not find; install it with: {pip_command(extra)}"
        ) from error


def pip_command(extra: str) -> str:
    """The command that installs an extra of multirun the way multirun itself was installed.

    Args:
        extra: the name of the extra.
    """
    origin = _origin()
    if origin is None:
        requirement, editable = f"multirun-sweep[{extra}]", False
    else:
        requirement, editable = f"{origin[0]}[{extra}]", origin[1]
    words = [sys.executable, "-m", "pip", "install", *(["-e"] if editable else []), requirement]
    return shlex.join(words)


def _origin() -> tuple[str, bool] | None:
    """The checkout that multirun was installed from and whether that is editable, None if it was installed by name."""
    from importlib.metadata import PackageNotFoundError, distribution
    from urllib.parse import unquote, urlsplit

    try:
        text = distribution("multirun-sweep").read_text("direct_url.json")
    except PackageNotFoundError:
        return None
    record = json.loads(text or "{}")
    url = urlsplit(record.get("url", ""))
    if url.scheme != "file":
        return None
    return unquote(url.path), bool(record.get("dir_info", {}).get("editable"))
