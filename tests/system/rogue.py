"""A flowherd whose worker misbehaves: in the place of the packets' kernel it tries what only a hijacked one would.

`rogue.py nursery FD` is its nursery; any other words are flowherd's own. What the worker could do stands on stderr.
"""

import ctypes
import os
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

LIBC = ctypes.CDLL(None, use_errno=True)
PTRACE_ATTACH, CLONE3, IO_URING_SETUP, PIDFD_OPEN = 16, 435, 425, 434
NOWHERE = "/nonexistent/flowherd"


def called(result):
    """A C call's result; OSError as Python's own calls have it."""
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def fork():
    if os.fork() == 0:
        os._exit(0)
    os.wait()


def cloned():
    """A process by clone3, as if there were no C library."""
    arguments = (ctypes.c_uint64 * 8)()
    arguments[4] = 17  # SIGCHLD
    if called(LIBC.syscall(CLONE3, ctypes.byref(arguments), ctypes.sizeof(arguments))) == 0:
        os._exit(0)
    os.wait()


ATTEMPTS = {
    "read a file": lambda: os.open("/etc/passwd", os.O_RDONLY),
    "read its own maps": lambda: os.open("/proc/self/maps", os.O_RDONLY),
    "open by the old call": lambda: called(LIBC.syscall(2, b"/etc/passwd", 0)),
    "write a file": lambda: os.close(os.open(f"/tmp/rogue-{os.getpid()}", os.O_CREAT | os.O_WRONLY)),
    "remove a file": lambda: Path(f"/tmp/rogue-{os.getpid()}").unlink(),
    "make a memory file": lambda: os.memfd_create("rogue"),
    "make a socket": lambda: socket.socket().close(),
    "make a local socket": lambda: [end.close() for end in socket.socketpair()],
    "fork": fork,
    "clone": cloned,
    "signal its parent": lambda: os.kill(os.getppid(), 0),
    "trace its parent": lambda: called(LIBC.ptrace(PTRACE_ATTACH, os.getppid(), 0, 0)),
    "set up a ring of calls": lambda: called(LIBC.syscall(IO_URING_SETUP, 0, None)),
    "start a program": lambda: os.execv(NOWHERE, [NOWHERE]),
}


def misbehave():
    """Each attempt, and the error it met."""
    for what, attempt in ATTEMPTS.items():
        try:
            attempt()
            outcome = "done"
        except OSError as error:
            outcome = error.strerror
        os.write(2, f"rogue: {what}: {outcome}\n".encode())


def nursery(descriptor):
    import worker.nursery
    import worker.run

    honest, tries = worker.run.meter, iter([misbehave])

    def meter(*arguments):
        next(tries, int)()
        return honest(*arguments)

    worker.run.meter = meter
    return worker.nursery.main(descriptor)


if __name__ == "__main__":
    if sys.argv[1] == "nursery":
        sys.exit(nursery(int(sys.argv[2])))
    from supervisor.cli import main
    from supervisor.nursery import Nursery

    Nursery.words = (sys.executable, __file__, "nursery")
    sys.exit(main())
