"""Where checkpoints of the log are kept so that its own keeper cannot take them back.

    file       lines added to a file, best on another disk and append-only (`chattr +a`)
    journal    journald, whose files belong to another user
    witness    a C2SP witness: somebody else's machine, which signs that it has seen it

Each is the port `AnchorSink`. None of them ever changes or removes what it was given, and none
tries again by itself: `appliance.services.anchors` does, for all alike. They take text that the
log has signed and know nothing of the log; only the witness asks for a proof that the log has
grown and not changed. The chat of the owner is a sink as well, and lives with the services.

They are small because their worth lies in being somewhere else.
"""
