"""The story of a request, told with ports only.

in: from a message to a job

    intake           what comes in is stored, with the job it asks for, before the platform is told
    gate             authenticate → decide → record → act: the only way in, for text, button, CLI
    cases            a request on its way: what the gate hands to the desk and its helpers
    people           who is behind an account, by the settings and by what was paired since
    strangers        messages from nobody we know: never answered, but counted and recorded
    groups           in which groups we work
    edits            messages that were changed after they were sent
    conversations    what a place is about: its project, and the session that plain text continues
    understanding    what somebody wants, understood whole, by the next four
    wishes           what somebody wants, put together from what they wrote and what it goes on with
    parcels          files and the task they belong to, whichever comes first
    routing          which plain messages need no project, and moving a task between the two
    drafts           the job that comes of a wish
    ongoing          what is going on in a place: its project, and the job that takes more
    inboxes          what people send with a task, put where its agent can read it
    fetching         from a platform that may be away for a moment, but not for ever
    voices           spoken messages: written down, and shown to whoever spoke before they count

what commands do

    desk             each command, once it is allowed
    admission        a request becomes a job: drafted, asked about, put in line or started
    file_desk        what people ask about files and speech
    admin_desk       what people ask who look after the appliance from a phone
    overview         what those look up: who there is, what happened
    stories          what people look up about jobs
    administration   what looking after the running daemon asks of it, from the host
    host_queries     `policy proposals|accept|reject|grants` and `lockdown` from the host
    pairing_queries  `pair` and `users` from the host
    pairing          an account becomes that of a user: a code from the host, sent back by a phone
    accounts         accounts that were paired, and the end of that
    first_task       what somebody may try with one tap as soon as they are paired
    lockdowns        stops everything and refuses everything; only the host lifts it
    granting         what was granted from phones: its file, and the policy that holds with it
    proposals        changes of the policy that people propose, and another one lets happen

work

    worker           runs jobs: judges each tool call, shows progress, brings the answer home
    preparation      what a job needs before its agent starts
    job_moves        jobs as they are stored now, moved on by what happens to them
    job_records      what the log says of a job
    runs             what runs now, where, and what may run beside it
    second_look      a job whose turn has come is judged again
    judge            one tool call of an agent: the policy's word, and a human's where it asks
    worktrees        where a job works: in its project, on a branch, or in a worktree of its own
    changes          what jobs change: kept before they may write, counted when they end
    review           what a job changed, shown on a phone and taken back
    sending          files of a project to whoever asks for one and may read it
    workload         how much there is to do, in numbers
    keep_awake       the machine stays awake while there is work, or somebody asked for it
    other_hosts      machines that can be woken from here
    restoration      after a restore: what was under way is not done a second time, and said so

asking people

    approvals        asks a human, or several, takes their answers, lets a question lapse
    questions        puts an agent's questions to people, and takes each answer once
    answering        what people do with a question: answer it, say why not, look closer
    replies_to_questions  what a reply to a question of ours means
    renewals         asks again for what nobody approved in time
    reminders        calls again those who have not answered yet
    audience         where people are asked something about a job, and who may answer there
    deadlines        waiting for the next of many moments
    random_ids       how we name what people are asked
    approval_records  what the log says of a question and its answers

the policy

    policy_holder    the policy as it is now: one reference, replaced as a whole
    reloading        takes edits of the policy over, or says why not
    allowance        rates of rules and quotas of people, counted where it is decided
    refusals         the last refusal of each place, for /why
    permission       whether the policy lets somebody say something, asked without doing it

the log, and what is said

    observed         the log, and whoever wants to know what is recorded
    activity         the number of the last record that is about something
    anchors          checkpoints of the log leave now and then, and before an approved action runs
    owner            the owner's chat as a place for them, and for the log's first key
    coverage         how much of the log is kept elsewhere, and for how long some of it has not been
    watching         what a place is told of a job: one live message, then the answer
    remainders       long answers in two parts
    manners          how each place is talked to: its language and its clocks
    outbox           sends what was decided to be said: once, in order, across crashes
    health           how things stand, for /status and dispatchctl

Services never know which chat, agent, database or log they talk to; they are handed ports by
`app.wiring`. Effects come after intents are durable: a record in the audit log, then a
transaction, then the act. What is read from the state and written back happens without an
`await` in between, so no two parts can interleave there.
"""
