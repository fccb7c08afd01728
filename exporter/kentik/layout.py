"""Where each field of a CHF and of a Custom stands, as NumPy sees the words of a message (step 10).

Offsets follow from chf.capnp by Cap'n Proto's rules; a test compares them with what a reader of the schema finds.
Fields that are never written are left out: they stay zero, which is their default.
"""

from typing import Any

import numpy as np

DATA_WORDS, POINTERS = 29, 14
RECORD_WORDS = DATA_WORDS + POINTERS
CUSTOM_DATA_WORDS, CUSTOM_POINTERS = 3, 1
CUSTOM_WORDS = CUSTOM_DATA_WORDS + CUSTOM_POINTERS
# Before the records: the frame, the root, the list and its tag.
FIRST_RECORD = 4

# Where pointers stand, in words from the record's (or the custom's) first.
IPV6_DST, IPV6_SRC, CUSTOM_LIST = DATA_WORDS + 7, DATA_WORDS + 8, DATA_WORDS + 9
CUSTOM_POINTER = CUSTOM_DATA_WORDS

# Tags of the union in a Custom.
UINT32, TEXT, ADDRESS = 0, 2, 4

# sampleAdj is bit 1377, in the octet of its own; appProtocol is stored XOR its default.
SAMPLE_ADJUSTED = 1 << 1
APP_PROTOCOL_DEFAULT = 0xFFFFFFFF

_U32 = {
    "inputPort": 40,
    "ipv4DstAddr": 48,
    "ipv4SrcAddr": 52,
    "l4DstPort": 56,
    "l4SrcPort": 60,
    "outputPort": 64,
    "protocol": 68,
    "tcpFlags": 88,
    "tos": 92,
    "vlanIn": 96,
    "vlanOut": 100,
    "sampleRate": 132,
    "deviceId": 136,
    "appProtocol": 224,
}
_U64 = {"inBytes": 24, "inPkts": 32, "outBytes": 112, "outPkts": 120, "srcEthMac": 208, "dstEthMac": 216}
_FIELDS = {
    **{name: ("<u4", place) for name, place in _U32.items()},
    **{name: ("<u8", place) for name, place in _U64.items()},
    "flags": ("u1", 172),
}
CHF = np.dtype(
    {
        "names": list(_FIELDS),
        "formats": [kind for kind, _ in _FIELDS.values()],
        "offsets": [place for _, place in _FIELDS.values()],
        "itemsize": RECORD_WORDS * 8,
    }
)

Column = np.ndarray[Any, Any]
Records = np.ndarray[tuple[int], np.dtype[np.void]]
Words = np.ndarray[tuple[int], np.dtype[np.uint64]]


def record_places(records: Column) -> Column:
    """The first word of each record in a message."""
    return FIRST_RECORD + RECORD_WORDS * records
