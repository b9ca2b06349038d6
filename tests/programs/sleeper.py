"""Sleeps, and ends as soon as it is asked to."""

import time

with open("ready", "w"):
    time.sleep(100)
