"""Decisions and events to words and buttons, the same for every chat.

Short, plain, no blame: what happened, what to do. Values from outside go through
`hidden.shown` or stand in a code span, so that they cannot pose as our words.
"""
