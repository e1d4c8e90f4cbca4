"""The internet, and a metadata service: says which address was reached.

Goes on in the background once it listens, and ends with its input.
"""

import os
import select
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Says(BaseHTTPRequestHandler):
    """Every path has the address it was asked at."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        host, port, *_ = self.request.getsockname()
        body = f"you have reached {host} port {port}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing else."""


server = ThreadingHTTPServer(("", 80), Says)
if os.fork():
    os._exit(0)
threading.Thread(target=server.serve_forever, daemon=True).start()
# not read: the proxy has the same input, and makes it non-blocking
select.select([sys.stdin], (), ())
