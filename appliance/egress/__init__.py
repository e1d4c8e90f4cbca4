"""The proxy through which a task reaches the network: asked for, judged, checked, counted.

    wire         the lines between dispatchd and dispatch-egress
    server       who may open a session, and how many
    session      one task: its connections, what is asked about them, their common end
    opening      its first line and the channel that comes with it, whole or not at all
    channel      the connections of a task's bridge, taken over as descriptors
    pace         how fast a task may open connections
    connection   one of them, from its head to its last byte
    request      the head of a request: where to, or why not
    target       a host and a port, written in one way
    replies      what the agent reads when it is refused
    resolver     names to addresses, all of them checked
    addresses    which addresses are the public internet
    upstream     the connection to the host
    relay        both ways, with limits
    sockets      reading and writing what somebody hostile also holds

How a byte gets out of a task:

    agent ─ TCP ─▶ bridge (task/bridge.py) ─ the socket itself ─▶ dispatch-egress ─ TCP ─▶ host

A task has a network namespace with nothing but loopback. Its bridge accepts connections there and
hands each socket over a channel that dispatchd made for this task. So whose connection it is
follows from where it came from and not from what it says, no byte is copied on the way, and there
is no address and no path on which anybody but dispatchd can reach this program.

It connects nowhere by itself: for each connection it asks dispatchd, which judges it like every
other tool call, by the policy, with the same record and the same question to a human. Only then is
a name resolved (a look-up tells its name to the internet, too), and only to public addresses: one
answer that is private, loopback, link-local or reserved refuses the whole name, and it is the
checked address that is connected to. A literal address that is not public is connected to when
dispatchd allows it: the policy does that only where a rule names exactly it.

Why our own, and not tinyproxy or squid: they know a client by its address or by what it says in a
header, so all tasks would look the same or could take each other's place; their rules are a file
and not a question that a person may answer; they have DNS, caches, ACL languages and a listening
port that each would have to be closed again. What is left to write is a head of 8 KiB and a loop.

It never looks into a tunnel (CONNECT), so which site is asked for inside is the far side's word;
plain HTTP is one request per connection, with the `Host` of the address that was judged. It never
caches, never retries what may have been sent, never reads a file but the resolver's, keeps no key,
and buffers at most one piece per direction: who reads slowly is sent to slowly.

The agent may keep a copy of each socket it hands over and change its flags under our hands; every
call is made so that it cannot wait (`sockets`). asyncio without OpenSSL costs 2.5 MiB more than a
loop of our own would; a connection that is read from top to bottom is worth that.
"""
