"""Which core each worker has: placed by what this host has, moved while it runs, and what could be better, said."""

from collections.abc import Iterable

from shared.logs import Log
from supervisor.advice import advise
from supervisor.captures import Captures
from supervisor.herd import Herd
from supervisor.links import Link
from supervisor.placement import Place, Topology, place
from supervisor.post import Post
from supervisor.topology import read_topology


class Seats:
    """Cores already given stay given while that is fair."""

    def __init__(self, captures: Captures, herd: Herd, log: Log) -> None:
        self._captures, self._herd, self._log = captures, herd, log
        self._advice: frozenset[str] = frozenset()

    def give(self, links: Iterable[Link]) -> tuple[dict[str, Place], Topology]:
        """Places for these links beside those of all posts; posts are moved to make room, and it is logged."""
        places, topology = self._places(links)
        for name, (before, core) in self._move(places).items():
            self._log.info("moved to another core", interface=name, core=core, before=before)
        self._advise(advise(places, topology))
        return places, topology

    def rearrange(self, coming: Iterable[Link]) -> list[str]:
        """Other cores may be run on: whom that moves, and where to."""
        moves = self._move(self._places(coming)[0])
        return [f"{name}: moved from core {before} to core {core}" for name, (before, core) in moves.items()]

    def anew(self, post: Post) -> int | None:
        """As if it had no core yet."""
        post.core = None
        return self._places([])[0][post.name].core

    def _places(self, coming: Iterable[Link]) -> tuple[dict[str, Place], Topology]:
        posts = self._herd.posts.values()
        links = [*(post.link for post in posts), *coming]
        held = {post.name: post.core for post in posts if post.core is not None}
        captures = {link.name: self._captures.of(link) for link in links}
        pinned = {name: capture.core for name, capture in captures.items() if capture.core >= 0}
        topology = read_topology(captures, self._captures.settings.cpus)
        return place(links, topology, pinned, held), topology

    def _move(self, places: dict[str, Place]) -> dict[str, tuple[int, int]]:
        return self._herd.move({name: where.core for name, where in places.items()})

    def _advise(self, advice: list[str]) -> None:
        """Say it when it becomes true, not at each look."""
        for sentence in advice:
            if sentence not in self._advice:
                self._log.warning(sentence)
        self._advice = frozenset(advice)
