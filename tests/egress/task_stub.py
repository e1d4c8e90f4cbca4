"""A task: a bridge on loopback as the launcher starts it, and a command beside it.

bwrap --unshare-net … python -I -S task_stub.py CHANNEL PORT COMMAND …
"""

import os
import socket
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))

from appliance.task import bridge

channel = socket.socket(fileno=int(sys.argv[1]))
with socket.create_server(("127.0.0.1", int(sys.argv[2])), backlog=1024) as listener:
    child = os.fork()
    if not child:
        os.closerange(0, 3)  # who reads what the command says waits for its end alone
        bridge.serve(listener, channel)
        os._exit(0)
channel.close()
os.execvp(sys.argv[3], sys.argv[3:])
