"""Posts what JSON cannot hold, or what nothing can hold, as its parameter says."""

import os
import threading
from pathlib import Path

from multirun import getRunParams, postRunResults


class Canary:
    """Leaves a file wherever it is unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(getRunParams()["canary"]),)


kind = getRunParams()["kind"]
if kind == "lock":
    postRunResults({"before": 1})
    postRunResults({"lock": threading.Lock()})
elif kind == "canary":
    postRunResults({"energy": 2.5, "canary": Canary()})
elif kind == "lambda":
    postRunResults({"energy": 1.5, "double": lambda x: 2 * x})
elif kind == "damaged":
    postRunResults({"energy": 0.5, "function": lambda: 0})
    (pickle,) = Path.cwd().glob("results-*.pkl")
    pickle.write_bytes(b"damaged")
elif kind == "dangling":
    postRunResults({"energy": 0.5, "function": lambda: 0})
    (pickle,) = Path.cwd().glob("results-*.pkl")
    pickle.unlink()
else:
    postRunResults({"energy": 3.5})
