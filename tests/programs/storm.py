"""Families of which only the newborn lives: it forks and leaves; in some of them it changes its session first."""

import os
import signal
import time

signal.signal(signal.SIGTERM, signal.SIG_IGN)
UNTIL = time.monotonic() + 30
for number in range(12):
    if os.fork() == 0:
        while time.monotonic() < UNTIL:
            time.sleep(0.002)
            if os.fork():
                os._exit(0)
            if number % 2:
                os.setsid()
        os._exit(0)
with open("ready", "w"):
    time.sleep(100)
