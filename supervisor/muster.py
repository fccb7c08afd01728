"""Makes posts match the roster: opened when a link is wanted, drained when not, renamed with it."""

import socket
import time
from dataclasses import replace

from shared.errors import FlowherdError
from shared.logs import Log
from shared.settings import CaptureSettings, Settings
from supervisor import changes, descriptors, inventory, lifecycle, mistakes, roster
from supervisor.captures import Captures
from supervisor.herd import Herd
from supervisor.lifecycle import Life
from supervisor.links import Link
from supervisor.outbound import Report
from supervisor.placement import around
from supervisor.post import Handover, Post
from supervisor.refit import Refit, program_of
from supervisor.roster import Choice
from supervisor.seats import Seats

WAS_AWAY = "the interface was away for a moment"
GONE = "the interface is gone"


def _outdated(post: Post, link: Link) -> str:
    """What a worker was told of its link and is no longer so; empty when all is."""
    if link.mtu != post.link.mtu:
        return f"MTU {link.mtu}"
    if link.mac != post.link.mac and post.kind == "pcap":  # libpcap tells a packet's direction by it
        return f"address {link.mac}"
    return ""


class Muster:
    """Keeps the herd's posts in step with the links."""

    def __init__(self, settings: Settings, herd: Herd, log: Log, sample_key: int, report: Report) -> None:
        self._herd, self._log, self._sample_key = herd, log, sample_key
        self.captures = Captures(settings, log, report)
        self._seats = Seats(self.captures, herd, log)
        self.refit = Refit(herd, self._seats)
        self._refused: dict[int, str] = {}
        self._left: dict[int, Handover] = {}
        self._told: frozenset[str] = frozenset()  # of these whoever reloads has said what is about to change
        self.choices: list[Choice] = []

    @property
    def _settings(self) -> Settings:
        return self.captures.settings

    def first(self) -> None:
        """At start a mistake ends everything: FlowherdError tells it."""
        self.choices = mistakes.choices_of(self._settings)
        wanted = [choice.link for choice in self.choices if choice.is_wanted_now]
        for post in self._posts_for(wanted):
            self._open(post)
        for choice in self.choices:
            self._log.debug("link", name=choice.link.name, watched=choice.is_chosen, why=choice.reason)
        for sentence in self.unmatched():
            self._log.warning(sentence)
        if not wanted:
            links = [choice.link for choice in self.choices]
            self._log.warning("no interface to watch yet", links=inventory.names(links))

    def again(self) -> None:
        """Links changed: what goes, goes first; then what is new is opened."""
        self.choices = roster.choose(self._settings.interface, inventory.read_links())
        wanted = {choice.link.ifindex: choice.link for choice in self.choices if choice.is_wanted_now}
        self.captures.keep(choice.link for choice in self.choices)
        self._leave(wanted)
        for post in self._posts_for(self._new(wanted)):
            try:
                self._open(post)
            except FlowherdError as error:
                self._refuse(post, str(error))
        for index in self._left.keys() - wanted.keys():
            self._lose(f"ifindex {index}", self._left.pop(index))
        self._refused = {index: why for index, why in self._refused.items() if index in wanted}
        self._told = frozenset()

    def _new(self, wanted: dict[int, Link]) -> list[Link]:
        """Links without a post. One that has the name of another that still drains comes when that has gone."""
        posts = self._herd.posts
        held = {post.link.ifindex for post in posts.values()}
        return [link for index, link in wanted.items() if index not in held and link.name not in posts]

    def adopt(self, settings: Settings) -> list[str]:
        """From the next look on these are in force; one line for each interface that they change."""
        former, self.captures.settings = self._settings, settings
        self._refused.clear()
        before = {choice.link.name for choice in self.choices if choice.is_chosen}
        chosen = roster.choose(settings.interface, inventory.read_links())
        after = {choice.link.name for choice in chosen if choice.is_chosen}
        posts = sorted(self._herd.posts.values(), key=lambda post: post.name)
        staying = [post for post in posts if not post.leaving and post.name not in before - after]
        lines = [self._explain(post, former.capture_of(post.name)) for post in staying]
        self._told = frozenset(post.name for post in staying)
        lines += changes.for_later(former, settings, (after & before) - self._told)
        come = [f"{name}: watched from now on" for name in sorted(after - before)]
        gone = [f"{name}: not watched any more" for name in sorted(before - after)]
        none = [] if any(choice.is_wanted_now for choice in chosen) else ["no interface to watch now"]
        wanted = {choice.link.ifindex: choice.link for choice in chosen if choice.is_wanted_now}
        moved = self._seats.rearrange(self._new(wanted)) if settings.cpus != former.cpus else []
        return [line for line in (*moved, *lines, *come, *gone, *none) if line]

    def unmatched(self) -> list[str]:
        """What the settings name and is not there now."""
        settings = self._settings
        return roster.unmatched(settings.interface, settings.per_interface, inventory.read_links())

    def _explain(self, post: Post, former: CaptureSettings) -> str:
        """What the settings now in force change of it; `former`: what was asked for before."""
        asked = former, self._settings.capture_of(post.name)
        return changes.explain(post.name, post.capture, self.captures.of(post.link), asked)

    def keep(self, post: Post) -> None:
        """Its ring goes on filling until the next look opens its successor; that of a link that went away is dead."""
        is_dead = post.ring is not None and not post.ring.is_attached
        left = post.leave()
        if is_dead:
            self._lose(post.name, left)
        else:
            self._left[post.link.ifindex] = left

    def try_again(self, name: str) -> bool:
        """A link that ought to be watched and has no post: what was said of it may be said again at the next look."""
        choice = next((choice for choice in self.choices if choice.link.name == name), None)
        if choice and choice.is_wanted_now:
            self._refused.pop(choice.link.ifindex, None)
        return bool(choice and choice.is_wanted_now)

    def close(self) -> None:
        """We end between two workers of a ring: what it holds is counted."""
        while self._left:
            index, left = self._left.popitem()
            self._lose(f"ifindex {index}", left)

    def _lose(self, name: str, left: Handover) -> None:
        """Nobody comes for it any more."""
        self._herd.tally.lose(name, left.lost())
        left.close()

    def _leave(self, wanted: dict[int, Link]) -> None:
        present = {choice.link.ifindex: choice for choice in self.choices}
        for post in list(self._herd.posts.values()):
            link, choice = wanted.get(post.link.ifindex), present.get(post.link.ifindex)
            if post.leaving:
                continue
            if link is None:
                why = choice.reason if choice else GONE
                self._log.info("leaving", interface=post.name, why=why)
                self._herd.drain([post], why)
            elif post.ring and not post.ring.is_attached:
                why = why_detached(post.link.ifindex)
                self._log.info("leaving", interface=post.name, why=why)
                self._herd.drain([post], why)
            elif link.name != post.name:
                self._log.info("renamed", interface=post.name, to=link.name)
                self.refit.renew(post, f"renamed to {link.name}")
            elif (capture := self.captures.of(link)) != post.capture:
                self._try_to_change(post, capture)
            elif why := _outdated(post, link):
                self._log.info("a successor takes over", interface=post.name, why=why)
                post.link = link
                self._herd.replace(post, why)
            elif post.life.state is lifecycle.State.FATAL and link != post.link:
                self._log.info("the link changed: trying again", interface=post.name)
                post.link, post.life = link, Life(since_s=time.monotonic())
                self._herd.forks.all()
            else:
                post.link = link
            if not post.leaving:
                post.rate_why = self.captures.why_of(post.link)

    def _try_to_change(self, post: Post, wanted: CaptureSettings) -> None:
        what = changes.explain(post.name, post.capture, wanted)
        try:
            self.refit.change(post, wanted)
        except FlowherdError as error:
            self._refuse(post, str(error), "former settings kept")
        else:
            if what and post.name not in self._told:
                self._log.info("changed", what=what)

    def _posts_for(self, links: list[Link]) -> list[Post]:
        places, topology = self._seats.give(links)
        captures = {link.name: self.captures.of(link) for link in links}
        for link in links:
            self._log.debug(
                "core", interface=link.name, core=places[link.name].core, why=places[link.name].reason
            )
        mode, mirror = self._settings.mode, self._settings.mirror
        return [
            Post(
                link,
                captures[link.name],
                core,
                self._sample_key,
                mode,
                mirror,
                near=around(core, topology),
                rate_why=self.captures.why_of(link),
            )
            for link in links
            for core in (places[link.name].core,)
        ]

    def _open(self, post: Post) -> None:
        left: Handover | None = None
        try:
            descriptors.keep_some()
            program = program_of(post, post.capture)
            if left := self._left.pop(post.link.ifindex, None):
                post.inherit(left)
            post.open(program if post.kind == "ring" else ())
        except (FlowherdError, OSError) as error:
            if left:
                self._herd.tally.lose(post.name, left.lost())
            post.close()
            if isinstance(error, OSError):
                raise FlowherdError(f"{post.name}: {descriptors.reason(error)}") from error
            raise
        for shortage in post.shortages():
            self._log.warning(shortage, interface=post.name)
        post.life = replace(post.life, since_s=time.monotonic())
        self._herd.staff(post)

    def _refuse(self, post: Post, why: str, what: str = "not watched") -> None:
        """Say it once for each reason, not at each look."""
        if self._refused.get(post.link.ifindex) != why:
            self._log.error(what, interface=post.name, why=why)
        self._refused[post.link.ifindex] = why


def why_detached(ifindex: int) -> str:
    """Of a ring without its interface; one that was there when we looked may be gone by now."""
    try:
        socket.if_indextoname(ifindex)
    except OSError:
        return GONE
    return WAS_AWAY
