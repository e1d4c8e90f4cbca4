"""What systemd does for `Accept=yes` and `KillMode=control-group`, as far as a subreaper can.

python inetd.py SOCKET COMMAND…: starts COMMAND for each connection, with the connection as its
standard input, and when it has ended kills what it left behind. Prints a line when it listens.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

from appliance.task.processes import become_subreaper, descendants, die_with_parent, send


def main(path: str, *command: str) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # units are not waited for
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        print("listening", flush=True)
        parent = os.getpid()
        while True:
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                die_with_parent(parent)
                unit(connection, command)
                os._exit(0)
            connection.close()


def unit(connection: socket.socket, command: tuple[str, ...]) -> None:
    """One unit's life."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    become_subreaper()
    launcher = subprocess.Popen(command, stdin=connection.fileno(), start_new_session=True)
    connection.close()
    launcher.wait()
    while left := descendants(os.getpid()):
        send(signal.SIGKILL, left)
        os.waitpid(-1, 0)


main(*sys.argv[1:])
