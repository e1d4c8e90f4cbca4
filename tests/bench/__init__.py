"""How fast we are, next to the plain script that most people start from.

    __main__.py      `make bench`: runs all of it, prints one table, writes build/bench.{md,json}
    table.py         rows, percentiles, ratios
    sides.py         the two contenders: our daemon and the plain script, each with its own chat
    far_side.py      the Bot API emulator in a process of its own, so that it shares no interpreter
    plain_script.py  python-telegram-bot + subprocess.run(["claude", "-p", …])
    claude_stub.*    the agent: says when it started, answers at once, says when it was done

Both sides are driven through the same emulator code and start the same stub, samples taken in
turn (A, B, A, B …), so that whatever else the machine does hits both alike. All times are of one
clock, CLOCK_MONOTONIC. The stub's first act is a line into a FIFO, from `sh`, because an
interpreter's own start-up would be counted as ours.

It is no test: nothing here fails for being slow, and CI does not run it.
"""
