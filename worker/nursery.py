"""The nursery: kernels compiled and warm, unprivileged, single-threaded; forks workers on request.

A fork costs milliseconds and shares the compiled code. Forking twice makes the worker a child of the supervisor,
which is the subreaper, so that the supervisor itself waits for it and knows how it ended.
"""

import errno
import faulthandler
import gc
import os
import signal
import socket
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from setproctitle import setproctitle

from shared import channel
from shared.sandbox import OFF


def main(descriptor: int) -> int:
    """Serve the supervisor on a channel until it closes."""
    gc.disable()  # what is loaded stays; looking through it for garbage takes longer than the kernels do
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    setproctitle("flowherd nursery")
    faulthandler.enable()  # whoever hangs is sent SIGABRT: its stack goes to the log, and so do workers'
    supervisor = socket.socket(fileno=descriptor)
    confined = True
    import numba  # noqa: F401 - whatever the orders will be: the supervisor reads its settings meanwhile

    with suppress(BrokenPipeError):  # nobody waits for the answer any more
        while (message := channel.receive(supervisor)) is not None:
            orders, descriptors = message
            if orders["do"] == "start":
                complain_to(descriptors)
                if not started(supervisor, orders):
                    return 1
                confined = orders.get("sandbox", True)
            elif orders["do"] == "fork":
                fork(supervisor, orders["spec"] | {"sandbox": confined}, descriptors)
            elif orders["do"] == "ping":
                channel.send(supervisor, {"did": "pong"})
    return 0


def complain_to(descriptors: list[int]) -> None:
    """A live table is on the terminal: what we have to say goes where the supervisor asks for it."""
    for descriptor in descriptors:
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        os.close(descriptor)


def started(supervisor: socket.socket, orders: dict[str, Any]) -> bool:
    """Whether there are kernels now; why not is one line, and a trace for whoever will mend it."""
    try:
        start(supervisor, orders)
    except Exception as error:  # noqa: BLE001 - the compiler may raise anything
        why = f"the kernels cannot be made: {reason(error, orders.get('cache_dir', ''))}"
        channel.send(supervisor, {"did": "failed", "name": "", "why": why})
        return False
    return True


def reason(error: Exception, cache_dir: str) -> str:
    """Why there are no kernels; a trace too, unless it is the user's to mend."""
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return f"no room is left on the disk of {cache_dir}; make some, or --cache-dir DIR elsewhere"
    traceback.print_exception(error)
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    return ": ".join(filter(None, (type(error).__name__, first)))


def start(supervisor: socket.socket, orders: dict[str, Any]) -> None:
    """Load every kernel, run each once, then give up all privileges and close the doors."""
    began_s = time.monotonic()
    from worker import jit_cache, pin

    kernels = jit_cache.use(orders["cache_dir"])
    if not (kernels / jit_cache.COMPLETE).exists():
        compile_apart(supervisor, kernels / jit_cache.COMPLETE)
    from worker import confine, shed, warm

    warm.up()
    if orders.get("files"):
        from worker.capture import compressed

        compressed.load()
    shed.heap()
    gc.freeze()  # a collection in a worker must not copy the pages it shares with the nursery
    gc.enable()
    shed.compiler_pages()
    pin.become(orders.get("uid"), orders.get("gid"), raw=bool(orders.get("raw")))
    sandbox = confine.nursery(raw=bool(orders.get("raw"))) if orders.get("sandbox", True) else OFF
    channel.send(supervisor, {"did": "ready", "seconds": time.monotonic() - began_s, "sandbox": sandbox})


def compile_apart(supervisor: socket.socket, complete: Path) -> None:
    """Fill the cache from a process of its own: the compiler leaves 70 MB behind that every worker would inherit."""
    compiler = os.fork()
    if compiler:
        os.waitpid(
            compiler, 0
        )  # whatever came of it: what is missing is compiled again, and fails where it is heard
        return
    try:
        compile_all(supervisor)
        complete.touch()
    finally:
        os._exit(0)


def compile_all(supervisor: socket.socket) -> None:
    """Each kernel, told as it is done."""
    from worker import jit, pin

    pin.die_with_parent()

    def tell(done: int, of: int, name: str) -> None:
        channel.send(supervisor, {"did": "progress", "done": done, "of": of, "kernel": name})

    jit.watch(tell)
    from worker import warm  # its import compiles

    warm.up()


def fork(supervisor: socket.socket, spec: dict[str, Any], descriptors: list[int]) -> None:
    """One worker, and its pid told, or why there is none."""
    try:
        pid = fork_twice(supervisor, spec, descriptors)
        answer = {"did": "fork", "name": spec["name"], "pid": pid}
    except OSError as error:  # no memory, or too many processes
        why = f"no process could be had: {error.strerror}"
        answer = {"did": "failed", "name": spec["name"], "why": why}
    for descriptor in descriptors:
        os.close(descriptor)
    channel.send(supervisor, answer)


def fork_twice(supervisor: socket.socket, spec: dict[str, Any], descriptors: list[int]) -> int:
    """Fork the worker's parent-to-be-gone; it forks the worker and leaves, telling the pid."""
    told, tell = os.pipe()
    with os.fdopen(told) as pipe:
        try:
            middle = os.fork()
            if middle == 0:
                fork_and_leave(tell, supervisor, spec, descriptors)
        finally:
            os.close(tell)
        os.waitpid(middle, 0)
        pid = int(pipe.read() or 0)
    if not pid:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    return pid


def fork_and_leave(
    tell: int, supervisor: socket.socket, spec: dict[str, Any], descriptors: list[int]
) -> NoReturn:
    """The worker's parent, for a moment: with it gone the supervisor is."""
    try:
        worker = os.fork()
        if worker == 0:
            os.close(tell)  # the pid is told when the last `tell` closes
            supervisor.close()
            become_worker(spec, descriptors)
        os.write(tell, str(worker).encode())
    finally:
        os._exit(0)


def become_worker(orders: dict[str, Any], descriptors: list[int]) -> NoReturn:
    """Never returns: a worker ends with its exit code, whatever happens."""
    code = 1
    try:
        from worker.birth import live
        from worker.spec import Spec

        code = live(Spec.read(orders, descriptors))
    except BaseException:  # noqa: BLE001 - a bug: its trace goes to the log, its code to the supervisor
        traceback.print_exc()
    sys.stderr.flush()
    os._exit(code)
