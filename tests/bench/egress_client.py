"""Connects through the proxy and directly, in turn, and says how long each took, as JSON."""

import json
import socket
import sys
import time

proxy, connections, downloads, size = map(int, (sys.argv[1], *sys.argv[3:]))
host = sys.argv[2]
address, _, port = host.partition(":")


def opened(side: str) -> socket.socket:
    if side == "direct":
        return socket.create_connection((address, int(port)))
    sock = socket.create_connection(("127.0.0.1", proxy))
    sock.sendall(f"CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    assert sock.recv(1000).startswith(b"HTTP/1.1 200 ")
    return sock


def seconds(side: str, wanted: int) -> float:
    """From the first packet to the last of so many bytes."""
    buffer, left = bytearray(1 << 20), wanted
    began = time.perf_counter()
    with opened(side) as sock:
        sock.sendall(b"%d\n" % wanted)
        while left > 0:
            received = sock.recv_into(buffer)
            assert received
            left -= received
        return time.perf_counter() - began


found: dict[str, dict[str, list[float]]] = {
    kind: {"proxied": [], "direct": []} for kind in ("connections", "downloads")
}
for count in range(connections + 10):
    for name, times in found["connections"].items():
        took = seconds(name, 1)
        if count >= 10:  # the first ones warm up
            times.append(took * 1000)
for _count in range(downloads):
    for name, rates in found["downloads"].items():
        rates.append(size / (1 << 20) / seconds(name, size))
print(json.dumps(found))
