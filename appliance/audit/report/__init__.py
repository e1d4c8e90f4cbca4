"""The report: what happened, for people who were not there, as one page that needs nothing else.

    gather     reads what the report is about, verifies the log, and keeps both together
    ledger     stories and records as lines: who, what, rule, approval, outcome
    timeline   the picture: lanes of bars and marks, as SVG
    stories    a job from its message to its result, with tool calls and diffs
    html       elements, and text that can do nothing but be read
    page       the page around it all

Everything in it was written by people, agents and strangers, some of whom the report may convict.
So text becomes part of the page in one place only, escaped and with everything made visible that
would hide or reorder it; the page has no script, loads nothing, and its policy forbids both. It
is cut where it would be too long and says so, because a page nobody can open proves nothing.

The verdict on top is of a verification made while the report was made. The page itself is a
copy that anybody can change: whoever must rely on it verifies the log.
"""
