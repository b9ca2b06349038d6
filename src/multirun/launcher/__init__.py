"""The small process tree that starts, watches and ends runs: a keeper with one lane per slot, and a sentinel.

Nothing here or below imports anything but the standard library.
"""
