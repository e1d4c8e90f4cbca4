"""The programs, and `wiring`, the only place where the parts meet.

    dispatchd      settings in, daemon out; one TaskGroup, signals, systemd
    dispatch-audit the writer of the audit log, for a user of its own
    dispatchctl    the one command people type; one module per group of commands
    demo           `make demo`: a daemon with a sample project, without root or systemd

`wiring.build` is straight-line code: no container, no registry, no work at import. The daemon
starts its parts in the order in which a request needs them and stops them backwards: chats
first, so that nothing new comes in, the audit log last, so that all of it is recorded.
"""
