"""The state database: one SQLite file with the inbox, jobs, approvals, conversations and outbox.

It is for what must survive `kill -9` between any two lines: a message is here before its
platform is told so, an answer is here before it is sent, a job's next state is here before its
effect. It never decides anything.

One connection writes, in WAL mode with synchronous=FULL, held under a file lock: SQLite before
3.51.3 can lose acknowledged commits when two connections write (facts, "WAL-reset bug"). Calls
are synchronous: a transaction costs tenths of a millisecond, less than handing it to a thread,
and nothing can come between its statements.
"""
