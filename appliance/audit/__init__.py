"""The audit log: every event durable and signed before anything is done about it.

    log          port `Audit`: all who ask in one turn of the event loop share one fsync
    client       the same port over the socket of dispatch-audit
    wire         the frames of that socket
    server       its other end: who asks is known, one fsync serves all who wait
    hosted       the same socket of a daemon that keeps the log itself
    rights       who may add, who may redact and prune, by user id
    admin        what administrators do, over the socket or by hand
    known        the checkpoints that a start is held against
    writer       the one writer: chains, commits, rotates its key, destroys what it is told to
    recovery     from where the writer goes on, and when it must not
    signer       signs the heads of a tree that only grows
    fork         a new log in place of one that cannot go on
    takeover     its last steps, finished by whoever opens the log next
    copies       the log as of one moment, for backups
    restored     a log from a backup: verified, kept, and followed by one that cites it
    database     the file: tables, the writing and the reading connection
    keys         the log's identity and the signing key of an epoch, on disk and destroyed
    checkpoint   C2SP notes: what is signed, and the public keys as text
    keyring      the public keys that a log names
    sinks        where checkpoints are kept: a file, journald, witnesses
    cosignature  what a witness signs
    growth       proves to a witness that the log has only grown
    anchored     which checkpoints are elsewhere, and what they say of the log
    following    the log of another machine, by its checkpoints and without its records
    lock         one writer at a time
    disk         a local file system, and room kept to say that it is full
    verify       tells anybody, without any secret, whether the log is what was signed
    verdict      its answer, and how much it looks at
    examination  its one pass over the rows
    beginning    the first record: which keys it names, and which log it took the place of
    structure    numbers, hashes, tree and stored roots
    signatures   the keys as they follow each other, and what they have signed
    claims       stored checkpoints, and those that come back from elsewhere
    content      what the records say, and whether it can be so
    consent      whether what was done is what was approved
    heads        the notes that a log holds
    proof        that a record is in the log, and that the log has only grown, for outsiders
    tiles        the log as C2SP tiles, for verifiers that others wrote
    search       what can be asked of a log, and what a record answers to it
    index        a second database to search by, made anew at will and never believed
    recent       the newest records in a few words, checked against what was signed
    reader       finds records for people, with the index or by looking at each
    story        a job from the message to the result, put together from its records
    rows         all records in order, for exports
    exports      JSON lines and CSV, for people's own tools
    ocsf         OCSF events, for SIEMs
    moments      times as text
    report       a job or a span of time as one page for people

Each record is a leaf of an RFC 6962 tree; the last row of each commit carries the tree's root and
an Ed25519 signature over the C2SP checkpoint, written in the same transaction. So no instant
exists at which a record is durable and unsigned, one signature covers a whole group, and people
who trust nobody can check with tools that others wrote.

A redacted value and the contents of pruned records are overwritten in the transaction that
records it; commitments and hashes stay, so the tree still proves what is left.

The signing key lives for an epoch. At its end it signs a record that names the next public key
and is destroyed: who breaks in today holds nothing that could rewrite yesterday. Cutting off or
rewriting the current epoch is only found by who keeps a checkpoint elsewhere, and `verify` says
so instead of promising more. Checkpoints that leave are signed by the log's identity as well,
which stays: so a log that was rolled back differs from a checkpoint that somebody made up. The
name of the log is a hash of its first public key, and every record repeats it, so a log made with
other keys has another name.

Where it can, the log has a program and a user of its own, because the daemon talks to the
network: who takes that over can add records, and neither change nor remove nor sign one. Peers
are known by the kernel's word, in both directions. A record that was asked for on a connection
that broke may be in the log; it was not acknowledged, so nothing was done about it.

It never acknowledges what is not on the disk, never retries a failed commit (after a failed
fsync the next one succeeds without the lost data) and never stores what looks like a secret.
Only standard formats are used because a log that only its author can verify convinces nobody.
"""
