"""RADIUS accounting as Kentik's custom dimension of users: who has which address, from when and until when."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from exporter.cells import BY_PROTOCOL, application_values
from shared.element import NO_U32
from shared.reasons import AppProtocol
from shared.record import Batch

ACCOUNTING_REQUEST, START, STOP = 4, 1, 2
CELLS = {element.name: element for element in BY_PROTOCOL[int(AppProtocol.RADIUS)]}


@dataclass(slots=True)
class Users:
    """What has come since the last post: a user's latest message counts."""

    upserts: dict[str, str] = field(default_factory=dict)
    deletes: set[str] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self.upserts) + len(self.deletes)

    def take(self, batch: Batch) -> None:
        """Accounting requests that start with an address, and those that stop."""
        (chosen,) = np.nonzero(batch.rows["app_protocol"] == AppProtocol.RADIUS)
        if not len(chosen):
            return
        columns = (
            application_values(CELLS[name], batch, chosen).tolist()
            for name in ("radius_code", "radius_acct_status", "radius_user_name", "radius_framed_addr")
        )
        for code, status, user, address in zip(*columns, strict=True):
            if code == ACCOUNTING_REQUEST and user and status != NO_U32:
                self._note(status, user, address)

    def _note(self, status: int, user: str, address: str | None) -> None:
        if status == START and address:
            self.deletes.discard(user)
            self.upserts[user] = address
        elif status == STOP:
            self.upserts.pop(user, None)
            self.deletes.add(user)

    def request(self) -> dict[str, Any]:
        """The body of a post; empty lists are left out."""
        request: dict[str, Any] = {"replace_all": False, "complete": True, "ttl_minutes": 0}
        if self.upserts:
            request["upserts"] = [
                {"value": user, "criteria": [{"addr": [address]}]} for user, address in self.upserts.items()
            ]
        if self.deletes:
            request["deletes"] = [{"value": user} for user in sorted(self.deletes)]
        return request
