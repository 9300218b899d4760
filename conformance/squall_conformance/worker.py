"""``python -m squall_conformance.worker``: the processes in which clauses run. The engine starts them; people need not."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

from squall_conformance.isolation import child, template
from squall_conformance.isolation.protocol import Channel, decode


def main(arguments: list[str]) -> int:
    """Serve as a template on an inherited listening socket, or run one request in this very interpreter."""
    if arguments[:1] == ["template"]:
        with socket.socket(fileno=int(arguments[1])) as listener:
            template.serve(listener)
        return 0
    if arguments[:1] == ["once"]:
        request = decode(arguments[1].encode())
        answers = Path(request["directory"]) / "answers"
        child.main(Channel(os.open(answers, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), request["nonce"]), request)
    sys.stderr.write("usage: python -m squall_conformance.worker template FD | once REQUEST\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
