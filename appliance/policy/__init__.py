"""Judges requests by files that people can read, and names the rule that decided.

    sources      the files of a policy directory as lines, read once, with size limits
    fields       a file to lines cut into fields; nothing is skipped
    rules        one line to one checked rule; refuses what it does not know
    options      its last column: by= ttl= rate= hours= …
    when         at which times and in which chats a rule counts
    quotas       how much a role may use
    trials       what the policy must say, tried at every load
    loader       all lines together: names, roles, contradictions → `LoadedPolicy`
    grants       the file that the daemon writes: what was granted from a phone, and its bounds
    wishes       "bob developer", "bob /deploy staging" → lines for that file
    commands     commands.toml → recipes
    patterns     what a pattern means: words, paths, hosts
    containment  whether one pattern covers another, exactly
    engine       which rules speak to an atom: Casbin's model and roles, an index in front
    atoms        a request in single things to be judged, and how carefully
    tools        an agent's tool call → atoms
    bash         a command line → atoms: programs, the files they name, directories
    shell        a command line → the simple commands it runs, and the text to run in its place
    programs     which files a command names, when all its options are reviewed
    found        programs that run others with the names that find finds
    profiles     the reviewed programs and options
    interpreters  programs that run what they read
    scripts      what awk, sed and jq may be given as a script
    paths        resolved paths, protected names
    hosts        an address → the host it names
    loaded       `LoadedPolicy`: decisions, approvals; what the rest of the appliance calls
    lint         lines without effect, lines too wide
    difference   who may what more or less in another policy
    fmt          straight columns
    patterns_import  lists of regular expressions to rules
    explain      why, and what would have allowed it; the self-test

A request is cut into atoms. Each atom gets the strictest answer of all rules that match it
(deny, then approve, then allow), or that of a `fallback` rule when none matches, or deny; the
request gets the strictest answer of its atoms. A request that is not understood as a whole is
never allowed: at best it asks. A rule whose hours or chats are not those of the request does not
count, but one that would ask then refuses: its conditions must not free what it is about.

It never runs, opens or changes what it judges; it only resolves names of files. It never
authenticates: users come from dispatch.toml. And patterns are for intent: `pytest` and `make`
run what the project says, a recursive search shows what lies in the directory. The sandbox is
the boundary.

Why Casbin, and why our own loader in front of it: its model and role inheritance are known and
tested, its file adapter is not strict ("Deny" or a stray "P" make it allow). Why a deciding index:
Casbin tries every rule in turn. The stock enforcer over all rules is the twin in the tests.
"""
