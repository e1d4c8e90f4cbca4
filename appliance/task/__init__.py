"""The launcher: one task, one sandbox, no survivors.

`dispatch-task` is started with one AF_UNIX stream socket as its standard input, the inetd way,
so that systemd's `Accept=yes` can start it as another user just as well as our daemon can start
it as a child. It lives for one task and then exits.

    header.py       what travels on the socket: one JSON line each way, and how it is checked
    descriptors.py  a header and the descriptors that come with it, received whole or not at all
    projects.py     the administrator's list: project names, the agent's home, what to hide
    environment.py  the variables a task may have: an allow-list
    places.py       which parts of the file system a task may have
    preparation.py  from a header to the command that is started: checked, and behind its wall
    launcher.py     the program: receive, prepare, start, watch, clean up, report

the walls

    sandbox.py      which wall this host can build, and whether it is strong enough
    unit.py         is this process in a unit of its own, as it was told?
    bubblewrap.py   namespaces: the command that makes them, and the gate at which it waits
    landlock.py     rules about files and ports, for the process itself and its children
    seatbelt.py     the same on macOS
    seccomp.py      the system calls that nobody behind a wall makes
    confinement.py  what a process gives up before it becomes the task's program
    unreadable.py   keeps what a program has read from its own children

the network

    way_out.py      the process that listens in the task's network
    bridge.py       hands on what connects there, to who takes it

its life

    ahead.py         a child forked ahead, and its end
    starter.py      a process forked ahead, that becomes the task's program
    supervisor.py   waits for the end, or brings it about
    watch.py        what a task uses, and whether it is more than it may
    processes.py    who descends from whom, and their end
    linux.py        the few calls of Linux that Python's library does not have

Why it is so:

- The agent's stdin, stdout and stderr come as descriptors with the header (SCM_RIGHTS). Nothing
  the agent prints passes through us: no byte is copied, and no output can be mistaken for our
  word about how the task ended.
- Whoever writes the header chooses a project's *name*; where it is, what is hidden and which home
  the agent has stands in a file of the administrator's. The socket's other end can be wrong or
  hostile and still reaches nothing else.
- The socket's end is the task's end: when the daemon closes it or dies, everything we started is
  told to stop and then killed. The launcher is a subreaper, so a child that detaches by `setsid`
  and a double fork still becomes ours; when we have no children left, nothing is left. Should the
  launcher itself be killed, the kernel kills what it started (PR_SET_PDEATHSIG), with bubblewrap
  the whole pid namespace; what detached before becomes the daemon's (`appliance.agent.orphans`).
- A task has no network. Where its program is to reach somebody, a channel comes with the header;
  who connects to the proxy that the variables name is handed on through it as a socket, and whose
  connection it is follows from the channel, never from what is said. With Landlock alone the
  network is everybody's: nothing but the proxy's port is allowed, what Landlock does not see (UDP,
  TCP fast open, multipath TCP) is refused by the filter of system calls, and what remains is told
  in `landlock.SHORTFALL`.
- What is there to be seen is a list of what is needed, not of what is secret: a disk that somebody
  mounts tomorrow is not in it.
- A limit is kept by the kernel where it counts for the task alone, else by looking twice a second;
  only a unit's limits are hard for all processes together.
- Standard library only, and few modules of it: a program that stands between a hostile agent and
  the machine should be short enough to read, and should start fast.
- macOS has no subreaper and no /proc: there the process group is killed, and a child that calls
  `setsid` survives. That wall is weaker, and said to be.

It never decides whether a task may run, never talks to a chat or a database, and never reads an
agent's login beyond handing it on.
"""

from __future__ import annotations

import sys
from pathlib import Path


def launcher_command(projects_file: Path) -> tuple[str, ...]:
    """The argv that starts the launcher with this interpreter, from a checkout or installed.

    `-I -S` leaves out the user's and the site's packages: nothing but the standard library and
    this package can be imported, and the time to search for them is saved.
    """
    program = Path(__file__).with_name("__main__.py")
    return (sys.executable, "-I", "-S", str(program), "--projects", str(projects_file))
