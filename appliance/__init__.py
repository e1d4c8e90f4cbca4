"""dispatch-appliance: hand work to a coding agent on this machine from a phone, under a policy.

The map, in the order a request travels:

    chat       turns an update of a platform into a `Message` and sends `Post`s
    core       decides, without waiting, clock or files: commands, jobs, records, words
    services   tells the story of a request: gate → decide → record → act → answer
    policy     judges a request by readable files and names the rule
    audit      makes every event durable and signed before anything is done
    storage    the state database: inbox, jobs, approvals, outbox
    backup     one encrypted file with all of it, read as if an enemy had written it
    agent      drives Claude Code, or runs a recipe, through `task`
    task       the launcher: one task, one sandbox, no survivors
    egress     the proxy: a task's only way to the network, judged and counted
    voice      speech, written down in a task's sandbox
    pictures   changed lines as an image, for phones
    metrics    what a monitoring system reads
    host       what differs between machines: clock, systemd, staying awake
    app        the programs, and `wiring`, the only place where the parts meet

    ports      every outside thing as a Protocol, on one page
    config     dispatch.toml to settings, every mistake at once
    errors     everything we raise on purpose, and the exit statuses
    local_sockets   who is at the other end of a socket of this machine
    journald   what systemd's journal takes

Imports point down (`pyproject.toml`, checked by import-linter): adapters are strangers to each
other, because what does not know its neighbour can be replaced, faked and read alone.
"""

__version__ = "0.1.0"
