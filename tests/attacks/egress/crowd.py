"""Inside a task: so many connections at once through the proxy, and how each one ended."""

import resource
import socket
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

number, target = int(sys.argv[1]), sys.argv[2]
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, number + 256), hard))

# all are there before the first one says a word
connections = [socket.create_connection(("127.0.0.1", 3128)) for _ in range(number)]


def ended(proxy: socket.socket) -> str:
    with proxy:
        proxy.sendall(f"GET http://{target}/ HTTP/1.1\r\n\r\n".encode())
        answer = b""
        while data := proxy.recv(65536):
            answer += data
    return answer.split(b"\r\n")[0].decode()


with ThreadPoolExecutor(64) as pool:
    print(Counter(pool.map(ended, connections)))
