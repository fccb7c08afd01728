"""Writing so that a kill or a power cut leaves the old or the new, never a part."""

import os
from collections.abc import Iterable
from pathlib import Path


def write_all(descriptor: int, parts: Iterable[bytes | memoryview]) -> int:
    """Write every part, however little each call takes; the bytes written."""
    size = 0
    for part in parts:
        rest = memoryview(part)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        size += len(part)
    return size


def sync_folder(folder: Path) -> None:
    """Make the folder's names durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: Path, content: bytes, *, durable: bool) -> None:
    """Put `content` in the place of `path` at once: readers see the old or the new, never a part."""
    draft = path.with_name(f"{path.name}.tmp")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        write_all(descriptor, (content,))
        if durable:
            os.fdatasync(descriptor)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error  # write(2) knows no name
    finally:
        os.close(descriptor)
    draft.rename(path)
    if durable:
        sync_folder(path.parent)
