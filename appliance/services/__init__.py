"""The story of a request, told with ports only.

    intake        what comes in is stored, with the job it asks for, before the platform is told
    gate          authenticate → decide → record → act: the only way in, for text, button, CLI
    desk          what each command does once it is allowed
    worker        runs jobs: judges each tool call, shows progress, brings the answer home
    approvals     asks a human, or several, takes their answers, lets a question lapse
    policy_holder the policy as it is now: one reference, replaced as a whole
    reloading     takes edits of the policy over, or says why not
    allowance     rates of rules and quotas of people, counted where it is decided
    refusals      the last refusal of each place, for /why
    activity      the log as all parts see it: it knows when something has happened
    anchors       checkpoints of the log leave now and then, and before an approved action runs
    owner         the owner's chat as a place for them, and for the log's first key
    keep_awake    the machine stays awake while there is work, or somebody asked for it
    other_hosts   machines that can be woken from here
    outbox        sends what was decided to be said: once, in order, across crashes
    health        how things stand, for /status and dispatchctl

Services never know which chat, agent, database or log they talk to; they are handed ports by
`app.wiring`. Effects come after intents are durable: a record in the audit log, then a
transaction, then the act. What is read from the state and written back happens without an
`await` in between, so no two parts can interleave there.
"""
