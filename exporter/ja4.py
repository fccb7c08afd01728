"""JA4, the fingerprint of a TLS client, of the raw form the worker's kernels write (FoxIO's JA4_r)."""

import hashlib
from functools import lru_cache

EMPTY = "0" * 12


@lru_cache(maxsize=4096)  # few programs make most connections
def ja4_of(raw: str) -> str:
    """`t13d1516h2_CIPHERS_EXTENSIONS_ALGORITHMS` with each of its two lists as a digest, 000000000000 if empty.

    The first letter is kept: t over TCP, q over QUIC.
    """
    head, _, lists = raw.partition("_")
    ciphers, _, extensions = lists.partition("_")  # the algorithms, if any, belong to the extensions
    return f"{head}_{_digest(ciphers)}_{_digest(extensions)}"


def _digest(listed: str) -> str:
    if not listed or listed.startswith("_"):
        return EMPTY
    return hashlib.sha256(listed.encode()).hexdigest()[:12]
