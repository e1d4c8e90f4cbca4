"""The programs, and `wiring`, the only place where the parts meet.

the programs

    dispatchd            settings in, daemon out
    dispatch_audit       the writer of the audit log, for a user of its own
    dispatch_egress      tasks' way to the network, for a user of its own
    dispatchctl          the one command people type
    demo                 `make demo`: a daemon with a sample project, without root or systemd
    cli                  what every command does the same: errors as two lines, an exit status

how a daemon is put together

    wiring               settings in, whole daemon out: the only place where the parts meet
    chat_platforms       the chats of the settings
    agents               what does the work: Claude Code, or recipes alone
    daemon               its life: start the parts, say READY, wait for a signal, stop them
    recorder             who writes the audit log: dispatch-audit, or this daemon itself
    audit_access         where the log of the settings can be spoken to, and who is believed there
    anchoring            where its checkpoints go
    healing              a log that has stopped is opened again by a new process
    egress_access        how dispatch-egress is reached
    egress_life          its life: serve until a signal, the end of who started it, or a crash
    listening            what systemd opened for a program, or a socket of its own
    programs             where the agent's program is and what wall it gets
    project_list         the launcher's list of projects, as the settings have it
    policy_files         the policy directory: at the start and after edits
    granted              what was granted from phones: the file, and what a wish would change in it
    file_handling        all that handles files and speech
    metering             what is told to a monitoring system
    dials                every number that can be read at any time, and of whom
    directories          directories of our own
    room                 whether the state's disk has room
    journal              what our programs write to the journal: one line per message, no secrets

what dispatchctl does, a module or a package for each group of commands

    setup_commands       `setup`
    setup/               its steps, from nothing to a bot that hears its people
    pair_commands        `pair`, `users`
    control_commands     `status`, `jobs`, `send`, `awake`, `login`
    lockdown_commands    `lockdown`
    config_commands      `config`
    project_commands     `project`
    credential_commands  `credential`
    agent_commands       `agent`
    policy_commands/     `policy`
    audit_commands/      `audit`
    backup_commands/     `backup`, `restore`
    bugreport/           `bugreport`
    doctor/              `doctor`
    attack/              `doctor --attack`: from inside a real task
    control_client       how it talks to a running daemon: one socket, one line per request

what those commands change and show

    files                files of the administrator's, changed in one step
    settings_file        dispatch.toml replaced by another text, only by one that can be used
    project_section      the section of a project in it, all else left alone
    project_units        what systemd and the launcher are told about projects
    credential_files     secrets: encrypted for this machine, or files that only their owner reads
    qr                   a QR code for a camera
    lines                lines for a terminal of any width

`wiring.build` is straight-line code: no container, no registry, no work at import. The daemon
starts its parts in the order in which a request needs them and stops them backwards: chats
first, so that nothing new comes in, the audit log last, so that all of it is recorded.
"""
