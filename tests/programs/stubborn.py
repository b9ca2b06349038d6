"""Ignores every request to end."""

import signal
import time

for ignored in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(ignored, signal.SIG_IGN)
with open("ready", "w"):
    time.sleep(100)
