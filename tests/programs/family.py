"""Has a child and a grandchild; none of them looks after another."""

import os
import time

for _ in range(2):
    if os.fork():
        break
else:
    open("ready", "w").close()
time.sleep(100)
