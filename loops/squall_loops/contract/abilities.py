"""What a platform or a loop may lack: rules name what they need, loops and machines declare what they have."""

from typing import Final

ABILITIES: Final[dict[str, str]] = {
    "signals": "POSIX signals can be sent to the process and handled by Python in its main thread",
    "fork": "os.fork exists",
    "unix-sockets": "AF_UNIX sockets exist",
    "pipes": "pipes can be watched (not on Windows, where select takes sockets only)",
    "ptys": "pseudo-terminals exist",
    "eventfd": "os.eventfd exists (Linux)",
    "rlimits": "the limit of open descriptors can be read and lowered",
    "proc-fd": "the process can list its open descriptors (/proc/self/fd or /dev/fd)",
    "several-loops": "more than one loop of this kind can be open at once in one process",
    "native-tasks": "native coroutines run as the host's own tasks",
}
