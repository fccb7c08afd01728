"""Initial packets of QUIC sealed by the book (RFC 9001 section 5), with keys derived here."""

import hmac
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

V1, V2, DRAFT_29, GREASED = 1, 0x6B3343CF, 0xFF00001D, 0x1A2A3A4A
ID = bytes.fromhex("8394c8f03e515708")


class Secrets(NamedTuple):
    key: bytes
    iv: bytes
    hp: bytes


def hexed(*texts):
    return Secrets(*map(bytes.fromhex, texts))


SALTS = {
    V1: ("38762cf7f55934b34d179ae6a4c80cadccbb7f0a", b"quic"),
    V2: ("0dede3def700a6db819381be6e269dcbf9bd2ed9", b"quicv2"),
    0x709A50C4: ("a707c203a59b47184a1d62ca570406ea7ae3e5d3", b"quicv2"),
    0xFF020000: ("a707c203a59b47184a1d62ca570406ea7ae3e5d3", b"quicv2"),
    0xFF000022: ("38762cf7f55934b34d179ae6a4c80cadccbb7f0a", b"quic"),
    DRAFT_29: ("afbfec289993d24c9e9786f19c6111e04390a899", b"quic"),
    GREASED: ("afbfec289993d24c9e9786f19c6111e04390a899", b"quic"),
    0xFF00001B: ("c3eef712c72ebb5a11a7d2432bb46365bef9f502", b"quic"),
    0xFACEB002: ("c3eef712c72ebb5a11a7d2432bb46365bef9f502", b"quic"),
    0x54303531: ("7a4edef4e7ccee5fa4506c19124fc8ccda6e033d", b"quic"),
}


def secrets_of(version, connection_id, side=b"client in"):
    """HKDF by the book (RFC 5869), one digest long."""
    salt, label = SALTS[version]
    secret = expand(hmac.digest(bytes.fromhex(salt), connection_id, "sha256"), side, 32)
    return Secrets(
        *(expand(secret, label + end, size) for end, size in ((b" key", 16), (b" iv", 12), (b" hp", 16)))
    )


def expand(secret, label, size):
    label = b"tls13 " + label
    return hmac.digest(secret, bytes([0, size, len(label)]) + label + b"\0\1", "sha256")[:size]


def varint(value, size=None):
    size = size or next(size for size in (1, 2, 4, 8) if value < 1 << 8 * size - 2)
    return (value | {1: 0, 2: 1, 4: 2, 8: 3}[size] << 8 * size - 2).to_bytes(size, "big")


def crypto(offset, piece):
    return b"\x06" + varint(offset) + varint(len(piece)) + piece


def sealed(
    frames,
    version=V1,
    number=0,
    *,
    given=ID,
    to=None,
    source=b"",
    token=b"",
    octets=1162,
    secrets=None,
    kind=0,
):
    """An Initial packet for the connection that began with the id `given`, padded to `octets` of frames."""
    secrets = secrets or secrets_of(version, given)
    to = given if to is None else to
    frames += bytes(max(0, octets - len(frames)))
    first = 0xC3 | (kind + (version in {V2, 0x709A50C4})) % 4 << 4
    head = bytes([first]) + version.to_bytes(4, "big") + bytes([len(to)]) + to + bytes([len(source)]) + source
    head += (varint(len(token)) + token if kind == 0 else b"") + varint(len(frames) + 20, 2)
    spread = number.to_bytes(4, "big")
    nonce = (int.from_bytes(secrets.iv, "big") ^ number).to_bytes(12, "big")
    body = AESGCM(secrets.key).encrypt(nonce, frames, head + spread)
    mask = Cipher(algorithms.AES(secrets.hp), modes.ECB()).encryptor().update(body[:16])
    masked = bytes(a ^ b for a, b in zip(spread, mask[1:5], strict=True))
    return bytes([head[0] ^ mask[0] & 15]) + head[1:] + masked + body
