"""What holds of TLS hellos for any octets."""

import re

from tests.worker.decoders.hellos import (
    CLIENT,
)
from tests.worker.decoders.rig import ask, promised, read
from worker.decoders.client_hello import NAME_MOST
from worker.decoders.tls import (
    MORE,
    NOT,
    looks_like_tls,
    read_client_hello,
    read_hello_message,
    read_server_hello,
)

RAW = re.compile(rb"[tq](1[0-3]|s3|00)[di]\d{4}[0-9A-Za-z]{2}_[0-9a-f,]*_[0-9a-f,]*(_[0-9a-f,]+)?")


def target(data):
    """What holds for any bytes."""
    assert ask(looks_like_tls, data) == ask(looks_like_tls, data, plain=True)
    for decoder in (read_client_hello, read_server_hello):
        whole = promised(decoder, data, False)
        kept = promised(decoder, data, True)
        assert NOT <= whole.result <= len(data)
        assert kept.result == NOT or 5 < kept.result <= len(data)
        assert (whole.result == NOT) <= (kept.result == NOT)
        if whole.result > 0:
            assert kept == whole
            held_to_its_end(decoder, data, whole, False)
        if whole.result == MORE and kept.result > 0:
            assert kept.result == len(data)
            assert kept.texts[2] is None
        fields_are_sound(whole if whole.result > 0 else kept)
    message = promised(read_hello_message, data)
    if message.result > 0:
        held_to_its_end(read_hello_message, data, message)
        fields_are_sound(message)


def held_to_its_end(decoder, data, seen, *more):
    """Octets behind the hello change nothing, and without its last one it is not there yet."""
    assert read(decoder, data[: seen.result], *more)[:3] == seen[:3]
    assert read(decoder, data[: seen.result - 1], *more).result == MORE


def fields_are_sound(seen):
    if seen.result <= 0:
        return
    server, protocols, raw = seen.texts[:3]
    assert server is None or 0 < len(server) <= NAME_MOST
    assert protocols is None or 0 < len(protocols) <= NAME_MOST
    assert all(char >= 0x20 and char != 0x7F for cell in (server, protocols) if cell for char in cell)
    assert raw is None or RAW.fullmatch(raw)
    if seen.x.kind == CLIENT:
        assert seen.numbers == [None] * 6
    else:
        assert (server, raw) == (None, None)
        assert seen.numbers[2:] == [None] * 4
