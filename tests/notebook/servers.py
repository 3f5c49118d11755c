"""A web server on loopback, as long as a ``with`` block lasts."""

from __future__ import annotations

import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from dataplane.process import LOOPBACK


@contextmanager
def serve(handler: type[BaseHTTPRequestHandler], certificate: Path | None = None) -> Iterator[str]:
    """The address at which *handler* answers; with *certificate*, which has its key in it, by HTTPS."""
    server = ThreadingHTTPServer((LOOPBACK, 0), handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        # The handshake belongs to the thread of its request: here it would hold up all others, and the end.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"{'https' if certificate else 'http'}://{LOOPBACK}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def self_signed(folder: Path) -> Path:
    """A certificate that nobody trusts, and its key."""
    path = folder / "self-signed.pem"
    subject = ["-subj", "/CN=localhost", "-days", "1"]
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", *subject]
    subprocess.run([*command, "-keyout", path, "-out", f"{path}.crt"], check=True, capture_output=True)
    path.write_text(path.read_text() + Path(f"{path}.crt").read_text())
    return path
