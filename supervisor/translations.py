"""Pure: what --translate says, `addr,port,addr,port`, to numbers for the worker; a mistake to a sentence.

As kprobe reads it: fields split at commas, what follows the fourth ignored, IPv6 without brackets.
"""

import ipaddress
from collections.abc import Iterable, Sequence

from shared.errors import ConfigurationError

FORM = "it takes addr,port,addr,port"
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def parse(texts: Iterable[str], path: str = "translate") -> tuple[tuple[int, ...], ...]:
    """Of each (version, src high, src low, src port, dst high, dst low, dst port); addresses in 64-bit halves."""
    return tuple(_numbers(text, f"{path}: {text!r}") for text in texts)


def _numbers(text: str, where: str) -> tuple[int, ...]:
    fields = [field.strip() for field in text.split(",")][:4]
    src, src_port = _address(fields, 0, where), _port(fields, 1, where)
    dst, dst_port = _address(fields, 2, where), _port(fields, 3, where)
    if src.version != dst.version:
        raise ConfigurationError(
            f"{where}: src addr is IPv{src.version} and dst addr IPv{dst.version}; they must be of one family"
        )
    return src.version, *_halves(src), src_port, *_halves(dst), dst_port


def _field(fields: Sequence[str], place: int, where: str) -> tuple[str, str]:
    """A field and its name; missing or empty ones are said."""
    name = ("src addr", "src port", "dst addr", "dst port")[place]
    if place >= len(fields) or not fields[place]:
        raise ConfigurationError(f"{where}: {name} is missing; {FORM}")
    return fields[place], name


def _address(fields: Sequence[str], place: int, where: str) -> Address:
    field, name = _field(fields, place, where)
    try:
        if "%" not in field:
            return ipaddress.ip_address(field)
    except ValueError:
        pass
    raise ConfigurationError(f"{where}: {name} {field!r} is no IP address; {FORM}")


def _port(fields: Sequence[str], place: int, where: str) -> int:
    field, name = _field(fields, place, where)
    if field.isascii() and field.isdigit() and len(field) < 10 and int(field) < 65536:
        return int(field)
    raise ConfigurationError(f"{where}: {name} {field!r} is no port, 0 to 65535; {FORM}")


def _halves(address: Address) -> tuple[int, int]:
    return int(address) >> 64, int(address) % (1 << 64)
