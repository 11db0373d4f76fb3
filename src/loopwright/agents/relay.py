"""Inside the sandbox: a port on the loopback whose connections go through a socket, and its user.

    python relay.py SOCKET PROGRAM ARGUMENT...

`@PORT@` in arguments and environment becomes the number of the port. Standard library only, and run as a
file: it works with any Python that the sandbox shows.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading

_CHUNK = 1 << 16


def main(arguments: list[str]) -> int:
    """Run the program with the relay beside it; its exit status."""
    path, *command = arguments
    listener = socket.create_server(("127.0.0.1", 0))
    port = str(listener.getsockname()[1])
    threading.Thread(target=_serve, args=(listener, path), daemon=True).start()
    environment = {name: value.replace("@PORT@", port) for name, value in os.environ.items()}
    done = subprocess.run([word.replace("@PORT@", port) for word in command], env=environment, check=False)
    return done.returncode if done.returncode >= 0 else 128 - done.returncode


def _serve(listener: socket.socket, path: str) -> None:
    while True:
        inner, _ = listener.accept()
        threading.Thread(target=_connect, args=(inner, path), daemon=True).start()


def _connect(inner: socket.socket, path: str) -> None:
    outer = socket.socket(socket.AF_UNIX)
    try:
        outer.connect(path)
    except OSError:
        inner.close()
        return
    threading.Thread(target=_copy, args=(inner, outer), daemon=True).start()
    _copy(outer, inner)


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(_CHUNK):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        source.close()
        target.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
