"""Decisions, and nothing else: values in, values out.

No waiting, no clock, no files, no vendor: the time is an argument and randomness is handed in.
What is decided here can be tested by calling it, and reads the same under every adapter.
"""
