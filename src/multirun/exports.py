"""What can be done with everything that is a table: CSV files, data frames, a view in a notebook."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from multirun import frames
from multirun.errors import StorageError
from multirun.table import open_csv, write_csv

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

    from multirun.columns import Table


class Exports(ABC):
    """Something that is a table."""

    __slots__ = ()

    @abstractmethod
    def _table(self) -> Table:
        """Names, rows and kinds of the columns."""

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write the table as a CSV file, in the form of `results.csv`; a file that is there is replaced.

        Args:
            path: the file.

        Raises:
            StorageError: it cannot be written.
        """
        table, name = self._table(), os.fspath(path)
        try:
            with open_csv(name) as file:
                write_csv(file, table)
        except OSError as error:
            if error.filename not in (None, name):
                raise
            raise StorageError(f"{name} cannot be written: {error.strerror}") from error

    def to_pandas(self) -> pandas.DataFrame:
        """The table as a pandas data frame.

        The types are `Int64` (or `UInt64`), `float64`, `boolean` and `string`. What is missing is `<NA>`, and among
        `float64` NaN, which pandas does not tell apart from a number that is NaN.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        return frames.to_pandas(self._table())

    def to_polars(self) -> polars.DataFrame:
        """The table as a polars data frame; what is missing is null.

        Raises:
            MissingExtraError: polars is not installed.
        """
        return frames.to_polars(self._table())

    def to_arrow(self) -> pyarrow.Table:
        """The table as an Arrow table; what is missing is null.

        Raises:
            MissingExtraError: pyarrow is not installed.
        """
        return frames.to_arrow(self._table())
