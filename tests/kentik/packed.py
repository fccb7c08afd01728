"""Cap'n Proto's packed form undone, octet by octet (encoding spec, "Packing")."""


class BrokenMessageError(ValueError):
    """What came is no message."""


PLACES = [[bit for bit in range(8) if tag >> bit & 1] for tag in range(256)]


def unpacked(octets: bytes) -> bytes:
    """The words behind a packed stream."""
    out, at, end = bytearray(), 0, len(octets)
    while at < end:
        tag = octets[at]
        places = PLACES[tag]
        behind = at + 1 + len(places)
        if behind + (tag in (0, 255)) > end:
            raise BrokenMessageError("packed stream ends inside a word")
        word = bytearray(8)
        for place, octet in zip(places, octets[at + 1 : behind], strict=True):
            word[place] = octet
        out += word
        at = behind
        if tag == 0:
            out += bytes(8 * octets[at])
            at += 1
        elif tag == 255:
            length = 8 * octets[at]
            if at + 1 + length > end:
                raise BrokenMessageError("packed stream ends inside a run of words as they are")
            out += octets[at + 1 : at + 1 + length]
            at += 1 + length
    return bytes(out)


def segment(message: bytes) -> bytes:
    """The one segment of a framed message; more than one is nothing an agent sends."""
    if len(message) < 8:
        raise BrokenMessageError("no frame")
    segments = int.from_bytes(message[:4], "little") + 1
    words = int.from_bytes(message[4:8], "little")
    if segments != 1:
        raise BrokenMessageError(f"{segments} segments")
    if len(message) != 8 + 8 * words:
        raise BrokenMessageError(f"the frame says {words} words, {(len(message) - 8) / 8} came")
    return message[8:]
