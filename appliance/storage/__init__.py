"""The state database: one SQLite file with the inbox, jobs, approvals, conversations and outbox.

    state       the port `State`: one method per thing kept
    database    opening it and keeping its promises: one writer, durable commits, one schema
    migrations  the way from every released schema to this version's: forward only
    codec       values of the core to the JSON kept in it, and back
    questions   what agents ask, and what belongs to questions: the port `QuestionBook`
    files       files that wait for their task or are named by answers: the port `FileBook`
    restored    what was under way in a backup: the port `Restoration`
    inboxes     files that came with tasks, on disk: one directory for each job
    transcript  what was said on the web page, kept for a reload
    copies      copies for backups, made while it is in use
    counts      how much is in it, and nothing of what: for reports that leave the machine

It is for what must survive `kill -9` between any two lines: a message is here before its
platform is told so, an answer is here before it is sent, a job's next state is here before its
effect. It never decides anything.

One connection writes, in WAL mode with synchronous=FULL, held under a file lock: SQLite before
3.51.3 can lose acknowledged commits when two connections write (the "WAL-reset bug"). Calls
are synchronous: a transaction costs tenths of a millisecond, less than handing it to a thread,
and nothing can come between its statements.
"""
