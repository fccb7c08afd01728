"""The first and the last act of a worker's process: title, signals, core; its exit code."""

import signal

from setproctitle import setproctitle

from shared.errors import Exit
from worker.capture.libpcap import RefusedError
from worker.pin import pin
from worker.replay import Replay
from worker.run import Worker
from worker.spec import Spec


def live(spec: Spec) -> int:
    """A worker's whole life; its exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    setproctitle(f"flowherd worker {spec.name}")
    granted = pin(spec.core)
    worker = Replay(spec, granted) if spec.kind == "files" else Worker(spec, granted)
    try:
        worker.work()
    except RefusedError as error:
        worker.life.say(did="fault", why=f"{spec.name}: {error}", code=int(Exit.CONFIGURATION))
        return Exit.CONFIGURATION
    return Exit.DONE
