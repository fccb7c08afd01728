"""The store's manifest: which Parquet files count. Replaced by rename: readers see one state or the next.

Files that were merged or outdated stay on disk for a grace period after they left the manifest's `segments`,
so that a query begun before still finds them.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

NAME = "manifest.json"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Segment:
    """One Parquet file; times are of its records, `made_ns` is when its newest record was stored."""

    name: str
    rows: int
    size_bytes: int
    start_ns: int
    end_ns: int
    made_ns: int
    merged: bool = False


@dataclass(frozen=True, slots=True)
class Retired:
    """A file that counts no more and is removed after the grace period."""

    name: str
    since_ns: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """The store's state. `cursors`: for each spool, by identity, the last batch whose records are in here."""

    segments: tuple[Segment, ...] = ()
    retired: tuple[Retired, ...] = ()
    cursors: dict[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Records in the store."""
        return sum(segment.rows for segment in self.segments)

    @property
    def size_bytes(self) -> int:
        """Bytes of the files that count."""
        return sum(segment.size_bytes for segment in self.segments)


def encode(manifest: Manifest) -> bytes:
    """The file's content."""
    return json.dumps({"version": VERSION, **asdict(manifest)}, indent=1).encode()


def decode(content: bytes) -> Manifest:
    """The manifest in a file's content. ValueError when it is none."""
    fields: dict[str, Any] = json.loads(content)
    if fields.get("version") != VERSION:
        raise ValueError(f"version {fields.get('version')}, this flowherd reads {VERSION}")
    return Manifest(
        segments=tuple(Segment(**segment) for segment in fields["segments"]),
        retired=tuple(Retired(**retired) for retired in fields["retired"]),
        cursors=fields["cursors"],
    )


def read(folder: Path) -> Manifest:
    """The manifest of the store in `folder`. FileNotFoundError: there is none; ValueError: it is damaged."""
    return decode((folder / NAME).read_bytes())
