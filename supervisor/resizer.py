"""Rings that grow and shrink with their traffic: how large each should be is decided in ring_size."""

import time
from collections.abc import Iterable
from functools import partial

from shared.errors import FlowherdError
from shared.logs import Log
from supervisor.post import Post
from supervisor.refit import program_of

LOOK_S = 0.25  # to open a ring takes 20 to 100 ms, and meanwhile we hear nobody


class Resizer:
    """Gives posts other rings; their workers go over once they have read what is in the former ones."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def fit(self, posts: Iterable[Post], now_s: float) -> None:
        """Rings that hold too little of what comes grow; those that have held far too much for long shrink."""
        until_s = time.monotonic() + LOOK_S
        for post in posts:
            if time.monotonic() > until_s:
                return  # the others at the next look
            if post.rings and post.rings.may_resize(now_s):
                self._resize(post, post.rings.look(post.counters(), post.ring_bounds, now_s))

    def relieve(self, post: Post) -> None:
        """Half its ring is full: the largest it may have, or the word that there is none."""
        if post.rings is None or post.rings.coming:
            return
        if post.may_grow and post.rings.may_resize(time.monotonic()):
            self._resize(post, post.capture.ring_mib)
        else:
            post.tell_bounds(may_grow=False)

    def _resize(self, post: Post, mib: int) -> None:
        if post.ring is None or mib == post.ring.mib or post.leaving:
            return
        try:
            post.resize(mib, partial(program_of, post, post.capture))
        except (FlowherdError, OSError) as error:
            say = self._log.warning if post.may_grow else self._log.debug
            say("the capture ring stays as it is", interface=post.name, why=error)
            post.tell_bounds(may_grow=False)
        else:
            self._log.debug("another capture ring", interface=post.name, mib=mib)
            post.tell_ring()
