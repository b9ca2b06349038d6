"""The small process tree that starts, watches and ends runs: a sentinel, a keeper, one lane per slot.

Nothing here or below imports anything but the standard library.
"""
