"""Ends when as many of its kind as it was told are there at the same time; fails if they do not come."""

import os
import sys
import time

folder, count = sys.argv[1], int(sys.argv[2])
os.makedirs(folder, exist_ok=True)
with open(f"{folder}/{os.getpid()}", "w"):
    pass
until = time.monotonic() + 20
while len(os.listdir(folder)) < count:
    if time.monotonic() > until:
        sys.exit(3)
    time.sleep(0.01)
