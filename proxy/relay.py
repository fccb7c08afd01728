"""A plain request and its response, passed on while they come.

One connection to the destination for each request: no request is lost on a connection that was just being closed,
and no answer can be taken for another client's.
"""

from contextlib import suppress

import h11

from proxy.headers import back, framing_fault, onward
from proxy.line import Line
from proxy.patience import Patience, together
from proxy.refusal import Refusal, in_words, too_late, unanswered, without_quotes
from proxy.target import Target


async def relay(client: Line, server: Line, request: h11.Request, target: Target, idle_s: float) -> None:
    """The whole exchange; raises Refusal while the client can still be told, else OSError."""
    head = h11.Request(method=request.method, target=target.path, headers=onward(request, target.authority))
    try:
        async with Patience(idle_s) as patience:
            await together(
                _answer(server, client, patience), _ask(client, server, head, patience), both=False
            )
    except TimeoutError as error:
        if client.can_answer:
            raise too_late(target.host, "answer", idle_s) from error
        raise
    except _UnusableError as error:
        raise _told(client, unanswered(target.host, str(error))) from error


class _UnusableError(Exception):
    """What the destination sends is no answer."""


def _told(client: Line, refusal: Refusal) -> Exception:
    """The refusal, or where half an answer is out already, what makes the client see that it is half."""
    return refusal if client.can_answer else ConnectionAbortedError(str(refusal))


async def _ask(client: Line, server: Line, head: h11.Request, patience: Patience) -> None:
    """The request to the destination, which may stop listening and answer all the same."""
    with suppress(_DeafError):
        await _tell(server, head)
        while isinstance(event := await client.hear(), h11.Data):
            patience.touch()
            await _tell(server, event)
        await _tell(server, h11.EndOfMessage())


class _DeafError(Exception):
    """The destination takes no more."""


async def _tell(server: Line, event: h11.Request | h11.Data | h11.EndOfMessage) -> None:
    try:
        await server.say(event)
    except OSError as error:
        raise _DeafError from error


async def _answer(server: Line, client: Line, patience: Patience) -> None:
    """The destination's answer to the client, up to its end; trailers are left out."""
    while True:
        event = await _heard(server)
        patience.touch()
        if isinstance(event, h11.InformationalResponse):
            await _inform(client, event)
        elif isinstance(event, h11.EndOfMessage):
            await client.say(h11.EndOfMessage())
            return await client.wire.flush()
        else:
            await client.say(_head(event) if isinstance(event, h11.Response) else event)


async def _heard(server: Line) -> h11.InformationalResponse | h11.Response | h11.Data | h11.EndOfMessage:
    try:
        event = await server.hear()
    except (h11.RemoteProtocolError, OSError) as error:
        raise _UnusableError(
            in_words(error) if isinstance(error, OSError) else without_quotes(error)
        ) from error
    if isinstance(event, h11.InformationalResponse | h11.Response | h11.Data | h11.EndOfMessage):
        return event
    raise _UnusableError("it closed the connection")


async def _inform(client: Line, event: h11.InformationalResponse) -> None:
    """100 Continue and the like, to those that know them."""
    if client.http.their_http_version != b"1.0":
        await client.say(
            h11.InformationalResponse(status_code=event.status_code, headers=back(event), reason=event.reason)
        )


def _head(response: h11.Response) -> h11.Response:
    if fault := framing_fault(response):
        raise _UnusableError(fault)
    return h11.Response(status_code=response.status_code, headers=back(response), reason=response.reason)
