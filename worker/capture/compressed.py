"""Compressed capture files as a stream of bytes: gzip and zstd, told by their magic, member after member (step 1).

Libraries are loaded when such a file comes, or before privileges go where one may come (`load`).
"""

import os
import sys
import zlib
from contextlib import suppress
from typing import Any, BinaryIO, NamedTuple

GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
SKIPPABLE = b"\x2a\x4d\x18"  # RFC 8878 section 3.1.2: behind an octet 0x50 to 0x5F
IN_BYTES = 128 << 10
# At a time: what a damaged piece may lose of the bytes before the damage, and fits the cache.
OUT_BYTES = 32 << 10
ENDS_EARLY = "compressed file ended before the end-of-stream marker was reached"
NO_ZSTD = "no library for zstd is installed; `pip install 'flowherd[compressed]'` brings it"
TOO_FAR = "its zstd data looks further back than 128 MiB; unpack it with `zstd -d --long=31` and replay that"


class CompressedError(Exception):
    """The data is damaged, or no library is there to read it; the text says which."""


class Form(NamedTuple):
    """One kind of compression: what begins a member, what it raises, what may stand between two members."""

    name: str
    begin: Any
    error: type[Exception]
    padding: bytes


class Inflater:
    """zlib with the manners of isal's and zstd's decompressors, where isal is not installed."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(16 + zlib.MAX_WBITS)
        self.needs_input = True

    def decompress(self, data: bytes, most: int) -> bytes:
        """At most so many bytes; `data` is empty unless `needs_input`."""
        piece = self._zlib.decompress(data or self._zlib.unconsumed_tail, most)
        self.needs_input = len(piece) < most
        return piece

    @property
    def eof(self) -> bool:
        """The member is at its end, and its checksum right."""
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        """What came behind the member's end."""
        return self._zlib.unused_data


class Members:
    """The bytes of all members of a file; CompressedError where they are damaged."""

    def __init__(self, file: BinaryIO, form: Form) -> None:
        self._file, self._form = file, form
        self._member: Any = None
        self._rest = b""

    def read(self, most: int) -> bytes:
        """The next bytes, at least one and at most so many; none at the end of the file."""
        try:
            piece = b""
            while not piece and self._begin():
                piece = self._go_on(min(most, OUT_BYTES))
        except (EOFError, self._form.error) as error:
            if "too much memory" in str(error):
                raise CompressedError(TOO_FAR) from error
            raise CompressedError(f"the {self._form.name} data is damaged: {str(error).lower()}") from error
        return piece

    def _begin(self) -> bool:
        """Have a member in hand; False when the file has no more."""
        while self._member is None:
            self._rest = self._rest.lstrip(self._form.padding)
            if self._rest:
                self._member = self._form.begin()
            else:
                self._rest = self._file.read(IN_BYTES)
                if not self._rest:
                    return False
        return True

    def _go_on(self, most: int) -> bytes:
        data, member = b"", self._member
        if member.needs_input:
            data, self._rest = self._rest or self._file.read(IN_BYTES), b""
            if not data:
                raise EOFError(ENDS_EARLY)
        piece: bytes = member.decompress(data, most)
        if member.eof:
            self._rest, self._member = member.unused_data, None
        return piece


def members(file: BinaryIO) -> Members | None:
    """What a compressed file holds; None when it is not compressed."""
    head = os.pread(file.fileno(), 4, 0)
    if head[:2] == GZIP:
        return Members(file, gzip_form())
    if head == ZSTD or (head[1:] == SKIPPABLE and head[0] >> 4 == 5):
        return Members(file, zstd_form())
    return None


def gzip_form() -> Form:
    """By ISA-L, which takes half the time of zlib or less; by zlib where it is not installed."""
    try:
        from isal import igzip_lib
    except ImportError:
        return Form("gzip", Inflater, zlib.error, b"\0")
    return Form("gzip", _isal_member, igzip_lib.IsalError, b"\0")  # type: ignore[arg-type]  # its stub says: an instance


def _isal_member() -> Any:
    from isal.igzip_lib import DECOMP_GZIP, IgzipDecompressor

    return IgzipDecompressor(flag=DECOMP_GZIP)


def zstd_form() -> Form:
    """By the standard library since Python 3.14, by its copy for older ones before."""
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
    except ImportError as error:
        raise CompressedError(NO_ZSTD) from error
    return Form("zstd", zstd.ZstdDecompressor, zstd.ZstdError, b"")


def load() -> None:
    """Import what is installed: an unprivileged process may not be able to."""
    gzip_form()
    with suppress(CompressedError):
        zstd_form()
