"""Pure: a number with its noun, as people write it."""


def counted(count: int, noun: str) -> str:
    """1 packet, 2 packets, 1,234 flow records."""
    return f"{count:,} {noun}" + "s" * (count != 1)
