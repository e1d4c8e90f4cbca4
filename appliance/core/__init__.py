"""Decisions, and nothing else: values in, values out.

nouns and words

    model           who, where, what was said, what is answered, what was decided
    events          what happens, in one vocabulary for the audit log, the journal and the tests
    words           our own words, said in no language yet: with gaps for values
    languages/      one catalogue for each language, keyed by the English text
    replies/        decisions and events to words and buttons, the same for every chat
    toml            TOML text to frozen dataclasses, every mistake with its place and nearest word

what people ask for

    commands        what people may ask for: one class for each command
    parsing         chat text to `Command`, before anybody decides about it
    requests        the words by which policy judges it
    recipes         commands without AI: one checked argv
    router          where a plain message goes that begins a conversation
    menu            the commands that a chat offers
    help            what /help shows at once, and what behind which button
    administration  the commands by which people look after the appliance from a phone
    file_requests   what people ask about files and speech, and the buttons that ask it
    place_settings  what people may set with /settings

the life of a job

    jobs            the state machine, and the choice of what runs next
    approvals       one question to a human about one thing, answered at most once
    questions       what an agent asks people, answered at most once
    reminders       when people are reminded of one that is open: twice at most
    proposals       a change of the policy that one person asks for and another one lets happen
    pairing         a one-time code makes an account that of a user of ours
    lockdown        everything refused, until somebody at the host lifts it
    keep_awake      whether the machine has to stay awake: what for, and until when
    wake_on_lan     what wakes another machine
    watching        what has been seen of a running job
    tested          whether a command runs tests, and what the runner said at the end
    preferences     how a place wants to be talked to

changes and files

    snapshots       what a project was like before a job and after it, and the git commands for it
    worktrees       a job in a git worktree or on a branch of its own
    diffs           what git says is between two trees, read strictly
    changes         the change that a recorded edit would make, line by line
    review          how a change is laid out for a phone
    files           files that come with a task: their limits, names, and what the agent is told
    sent_files      a file of a project, as its sandbox tells of it before it is sent
    pictures        pictures, known by their first bytes

the log

    records         an event and its place in the log, as one byte string and back
    shapes          records recognised without decoding them
    merkle          the head of a growing RFC 6962 tree, without the tree
    anchors         checkpoints outside the log: the words around them, and how they are found again
    excerpts        a page of the log for somebody far from the host

text that may be hostile, secret or long

    redact          takes secrets out before text is recorded, answered or logged
    discreet        a reply on its way out, without the secrets that may be in it
    hidden          characters that cannot be seen, or that hide others, written out
    inert           words that do nothing when they are touched
    shortened       a long answer on a phone: its beginning, and the rest

No waiting, no clock, no files, no vendor: the time is an argument and randomness is handed in.
What is decided here can be tested by calling it, and reads the same under every adapter.
"""
