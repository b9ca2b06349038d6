"""The small process tree that starts, watches and ends runs: a sentinel, a keeper, one lane per slot.

Loading it, and all below it, loads nothing but the standard library.
"""
