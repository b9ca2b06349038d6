"""Ends well as soon as there is a file `go` beside its directory."""

import os
import time

with open("ready", "w"):
    until = time.monotonic() + 60
    while not os.path.exists("../go") and time.monotonic() < until:
        time.sleep(0.01)
