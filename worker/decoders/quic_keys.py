"""The seal on QUIC's Initial packets, which anybody can open: keys from the connection id the client chose.

RFC 9001 section 5, RFC 9369 section 3.3, and what the drafts and their first deployments had instead.
"""

import hmac
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SAMPLE = 16
NUMBER_MOST = 4


@dataclass(frozen=True)
class Rules:
    """How a version derives its keys."""

    salt: bytes
    label: bytes = b"quic"


VERSION_1 = Rules(bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a"))
DRAFT_29 = Rules(bytes.fromhex("afbfec289993d24c9e9786f19c6111e04390a899"))
DRAFT_23 = Rules(bytes.fromhex("c3eef712c72ebb5a11a7d2432bb46365bef9f502"))
VERSION_2 = Rules(bytes.fromhex("0dede3def700a6db819381be6e269dcbf9bd2ed9"), b"quicv2")
VERSION_2_DRAFT = Rules(bytes.fromhex("a707c203a59b47184a1d62ca570406ea7ae3e5d3"), b"quicv2")
RULES = {
    0x00000001: VERSION_1,
    0x6B3343CF: VERSION_2,
    0x709A50C4: VERSION_2_DRAFT,
    0xFF020000: VERSION_2_DRAFT,
    **dict.fromkeys((0xFF000021, 0xFF000022), VERSION_1),
    **dict.fromkeys(range(0xFF00001D, 0xFF000021), DRAFT_29),
    **dict.fromkeys(range(0xFF000017, 0xFF00001D), DRAFT_23),
    0xFACEB002: DRAFT_23,  # mvfst
    0xFACEB00E: DRAFT_23,
    0x54303530: Rules(bytes.fromhex("7ff579e5acd072915580304c43a2367c60488310")),  # Google's T050, T051
    0x54303531: Rules(bytes.fromhex("7a4edef4e7ccee5fa4506c19124fc8ccda6e033d")),
}


def rules_of(version: int) -> tuple[Rules, ...]:
    """What may open an Initial of a version: none if it is unknown, two where it says nothing (RFC 9000 section 15)."""
    if version & 0x0F0F0F0F == 0x0A0A0A0A:
        return DRAFT_29, VERSION_1
    rules = RULES.get(version)
    return () if rules is None else (rules,)


class Keys:
    """What opens the client's Initial packets of one connection."""

    def __init__(self, rules: Rules, connection_id: bytes) -> None:
        common = hmac.digest(rules.salt, connection_id, "sha256")
        secret = _expand(common, b"client in", 32)
        self._iv = int.from_bytes(_expand(secret, rules.label + b" iv", 12), "big")
        self._sealed = AESGCM(_expand(secret, rules.label + b" key", 16))
        header = Cipher(algorithms.AES(_expand(secret, rules.label + b" hp", 16)), modes.ECB())  # noqa: S305
        self._mask = header.encryptor()

    def open(self, packet: bytes, number_at: int) -> bytes | None:
        """The frames of a packet whose number stands at `number_at`; None: these are not its keys."""
        sample = packet[number_at + NUMBER_MOST : number_at + NUMBER_MOST + SAMPLE]
        if len(sample) < SAMPLE:
            return None
        mask = self._mask.update(sample)
        first = packet[0] ^ mask[0] & 0x0F
        size = (first & 3) + 1
        behind = number_at + size
        masked = int.from_bytes(packet[number_at:behind], "big")
        number = masked ^ int.from_bytes(mask[1 : 1 + size], "big")
        header = bytes([first]) + packet[1:number_at] + number.to_bytes(size, "big")
        try:
            return self._sealed.decrypt((self._iv ^ number).to_bytes(12, "big"), packet[behind:], header)
        except InvalidTag:
            return None


def _expand(secret: bytes, label: bytes, size: int) -> bytes:
    """HKDF-Expand-Label of TLS 1.3 (RFC 8446 section 7.1), without context, up to one digest long."""
    label = b"tls13 " + label
    info = size.to_bytes(2, "big") + bytes([len(label)]) + label + b"\0\x01"
    return hmac.digest(secret, info, "sha256")[:size]
