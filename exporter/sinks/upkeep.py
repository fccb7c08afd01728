"""What the store's files need, decided without touching them: merging, deletion by age and bytes, removal."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from shared.manifest import Manifest, Retired, Segment

HOUR_NS = 3600 * 10**9
GRACE_NS = 120 * 10**9
KEPT_CURSORS = 64
SMALL_FILES = 90
MERGED_BYTES = 256 << 20


def to_merge(manifest: Manifest, now_ns: int) -> tuple[Segment, ...]:
    """Segments to become one, oldest first: those of an hour that is over, or of this one when very many."""
    small = sorted((segment for segment in manifest.segments if not segment.merged), key=_made)
    if not small:
        return ()
    hour = small[0].made_ns // HOUR_NS
    group = [segment for segment in small if segment.made_ns // HOUR_NS == hour]
    if hour == now_ns // HOUR_NS and len(small) < SMALL_FILES:
        return ()
    return _within(MERGED_BYTES, group)


def _within(limit_bytes: int, group: Iterable[Segment]) -> tuple[Segment, ...]:
    chosen: list[Segment] = []
    for segment in group:
        if chosen and sum(one.size_bytes for one in chosen) + segment.size_bytes > limit_bytes:
            break
        chosen.append(segment)
    return tuple(chosen)


def outdated(manifest: Manifest, limit_bytes: int, age_s: float, now_ns: int) -> tuple[Segment, ...]:
    """Segments beyond the store's age or bytes, oldest first."""
    oldest_ns = now_ns - int(age_s * 1e9)
    size_bytes = manifest.size_bytes
    out = []
    for segment in sorted(manifest.segments, key=_made):
        if segment.made_ns >= oldest_ns and size_bytes <= limit_bytes:
            break
        size_bytes -= segment.size_bytes
        out.append(segment)
    return tuple(out)


def added(manifest: Manifest, segment: Segment | None, identity: str, sequence: int) -> Manifest:
    """With a new segment, if any, and the cursor that goes with it; the newest cursors are kept."""
    cursors = {name: cursor for name, cursor in manifest.cursors.items() if name != identity}
    kept = dict([*cursors.items(), (identity, sequence)][-KEPT_CURSORS:])
    segments = manifest.segments if segment is None else (*manifest.segments, segment)
    return replace(manifest, segments=segments, cursors=kept)


def replaced(manifest: Manifest, old: Sequence[Segment], new: Segment | None, now_ns: int) -> Manifest:
    """Without the segments in `old`, which are retired, and with `new` in the place of the first."""
    names = {segment.name for segment in old}
    kept = [segment for segment in manifest.segments if segment.name not in names]
    if new is not None:
        kept.insert(0, new)
    retired = (*manifest.retired, *(Retired(segment.name, now_ns) for segment in old))
    return replace(manifest, segments=tuple(kept), retired=retired)


def removable(manifest: Manifest, now_ns: int) -> tuple[Retired, ...]:
    """Retired files no reader needs any more; also those from before a clock was set back."""
    return tuple(file for file in manifest.retired if not 0 <= now_ns - file.since_ns < GRACE_NS)


def removed(manifest: Manifest, gone: Sequence[Retired]) -> Manifest:
    """Without the retired files that were removed."""
    return replace(manifest, retired=tuple(file for file in manifest.retired if file not in gone))


def _made(segment: Segment) -> tuple[int, str]:
    return segment.made_ns, segment.name
