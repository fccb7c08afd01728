"""The store's manifest: which Parquet files count. Replaced by rename: readers see one state or the next.

Files that were merged or outdated stay on disk for a grace period after they left the manifest's `segments`,
so that a query begun before still finds them.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

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


Row = TypeVar("Row", Segment, Retired)


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
    found: Any = json.loads(content)
    if not isinstance(found, dict):
        raise ValueError("it is no map")  # noqa: TRY004 damage, not a programmer's mistake
    if found.get("version") != VERSION:
        raise ValueError(f"version {found.get('version')}, this flowherd reads {VERSION}")
    cursors = found["cursors"]
    if not isinstance(cursors, dict) or not all(type(cursor) is int for cursor in cursors.values()):
        raise ValueError("its cursors are no numbers")
    return Manifest(
        segments=tuple(_row(Segment, segment) for segment in found["segments"]),
        retired=tuple(_row(Retired, retired) for retired in found["retired"]),
        cursors=cursors,
    )


def _row(kind: type[Row], found: dict[str, Any]) -> Row:
    """One file's line, each value of its field's type, its name no way out of the folder."""
    row = kind(**found)
    for name, hint in get_type_hints(kind).items():
        if type(getattr(row, name)) is not hint:
            raise ValueError(f"{name}: {getattr(row, name)!r}")
    if Path(found["name"]).name != found["name"]:
        raise ValueError(f"name: {found['name']!r}")
    return row


def read(folder: Path) -> Manifest:
    """The manifest of the store in `folder`. FileNotFoundError: there is none; ValueError: it is damaged."""
    return decode((folder / NAME).read_bytes())
