"""Leaves a daemon: forked twice, in a session of its own, deaf to SIGTERM. The program sleeps or, told so, ends."""

import os
import signal
import sys
import time

if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        os.chdir("/")
        with open(os.environ["MULTIRUN_RUN_DIR"] + "/ready", "w"):
            time.sleep(100)
    os._exit(0)
os.wait()
while not os.path.exists("ready"):
    time.sleep(0.01)
if "leave" not in sys.argv:
    time.sleep(100)
