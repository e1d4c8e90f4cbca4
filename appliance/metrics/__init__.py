"""What a monitoring system reads of us: Prometheus metrics and a health check, over HTTP.

    counters   counts and times from the events of the audit log, as they are recorded
    dials      what can be read at any time, from the `Dial`s that wiring has put together
    registry   where both are put together
    site       GET /metrics and GET /healthz, on loopback or on a Unix socket

Only here is Prometheus known. Nearly everything that is counted is an event of the log already,
and all of them pass one place (`services.observed`): so nothing else of the appliance counts, and
what the numbers tell is what the log tells. Labels are words of ours, projects, and names of the
settings: never a chat, a person, a path or a command, so that the number of series is bounded and
nobody's business is in a monitoring system.

Counters begin at 0 with each start of the daemon, as Prometheus expects (`rate` sees that). What
waits, and since when, is read from the state database and survives it.

prometheus_client (Apache-2.0 and BSD-2-Clause) is the official library: it knows the formats and
their rules. Importing it took 9 ms and 0.9 MiB beside the rest of the daemon, and happens only
where [metrics] is set. Its global registry, to which any code may add, is not used.
"""
