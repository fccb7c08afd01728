"""The proxy from its first word to its last: arguments, sockets, rights, the loop, signals. Read this one first."""

import asyncio
import os
from importlib.util import find_spec

from proxy import listening
from proxy.arguments import parse
from proxy.settings import Settings
from shared.errors import Exit, FlowherdError
from shared.logs import Log, to_stderr

SECRETS = ("KENTIK_API_TOKEN", "KENTIK_API_EMAIL", "KENTIK_TOKEN", "KENTIK_EMAIL")


def main(words: list[str]) -> int:
    """Run until told to stop; every mistake a user can make ends in one sentence."""
    for name in SECRETS:
        os.environ.pop(name, None)
    try:
        return run(parse(words))
    except FlowherdError as error:
        to_stderr(f"flowherd proxy: {error}")
        return error.code
    except SystemExit as error:
        return int(error.code or 0)
    except KeyboardInterrupt:
        return Exit.FAILURE


def run(settings: Settings) -> int:
    """Sockets first, as whoever started us; then as nobody in particular."""
    if find_spec("h11") is None:
        raise FlowherdError("h11 is not installed; `pip install 'flowherd[proxy]'` brings it")
    from proxy.rights import give_up
    from proxy.serve import serve

    log = Log("proxy", settings.level)
    listening.provide_descriptors(settings.max_connections)
    listen = listening.opened(settings.listen, "proxy", "--listen")
    status = settings.status and listening.opened(settings.status, "status page", "--status")
    log.warm()  # that user may not be able to read where Python is
    give_up(settings.user, log)
    asyncio.run(serve(settings, listen, status or None, log))
    return Exit.DONE
