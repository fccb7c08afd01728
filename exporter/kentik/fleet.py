"""The devices that flows are sent as: found at start, read again every 20 minutes; some interfaces have their own."""

import time
from dataclasses import dataclass, field

import numpy as np

from exporter.kentik.allowance import Allowance
from exporter.kentik.client import Client
from exporter.kentik.columns import columns_of
from exporter.kentik.device import Device
from exporter.kentik.devices import JSON, Devices, Found
from exporter.kentik.errors import check
from exporter.kentik.layout import Column
from exporter.kentik.nics import Nic, read_nics, registration
from exporter.kentik.services import services
from exporter.log import log
from exporter.orders import KentikOrders
from shared import environment
from shared.errors import FlowherdError
from shared.interface_index import indices
from shared.kentik_endpoints import endpoints

REFRESH_S = environment.wait_s("FLOWHERD_REFRESH_S")


@dataclass(slots=True)
class Line:
    """One device in use."""

    found: Found
    device: Device
    allowance: Allowance
    unnamed: set[str] = field(default_factory=set)
    owed: int = 0
    lot: np.random.Generator = field(default_factory=np.random.default_rng)

    def share(self, wanted: int, granted: int) -> float:
        """What part of the records those granted are; they stand too for former ones of which none was granted."""
        wanted += self.owed
        self.owed = 0 if granted else wanted
        return granted / wanted

    def draw(self, of: int, granted: int) -> Column:
        """A mask of so many records, each as likely as any other."""
        if granted >= of:
            return np.ones(of, bool)
        mask = np.zeros(of, bool)
        mask[self.lot.choice(of, granted, replace=False)] = True
        return mask

    def name_once(self, missing: frozenset[str]) -> None:
        """Columns the device does not have: each is said once."""
        news = missing - self.unnamed
        if news:
            log.warning(
                "the device has no such columns", device=self.found.name, columns=",".join(sorted(news))
            )
            self.unnamed |= news


class Fleet:
    """Which device an interface's flows are sent as. `lines` is empty until Kentik has answered."""

    def __init__(self, orders: KentikOrders) -> None:
        self._orders = orders
        self._ports = services(
            dns=(53, *orders.dns_port),
            http=orders.http_port,
            radius=(1812, 1813, *orders.radius_port),
            decode=orders.decode,
        )
        self.indices: dict[str, int] = {}  # interfaces' numbers at Kentik
        self._nics: list[Nic] = []
        self.lines: dict[int, Line] = {}
        self._of: dict[str, int] = {}
        self._due_s = 0.0

    @property
    def samples(self) -> dict[str, int]:
        """Sample rate by interface, the others' under the empty name."""
        return {name: self.lines[number].found.sample_rate for name, number in self._of.items()}

    def of(self, interface: str) -> Line:
        """The device of an interface."""
        return self.lines[self._of.get(interface, self._of[""])]

    def find(self, client: Client) -> None:
        """Find or create every device, and register this host's interfaces. Errors as in errors.py."""
        self._read_nics()
        devices = Devices(client, endpoints(self._orders).api, self._orders)
        wanted = {"": 0, **self._orders.devices}
        found = {name: devices.find(number, self._nics) for name, number in wanted.items()}
        for one in {one.id: one for one in found.values()}.values():
            self.lines[one.id] = Line(one, self._device(one), Allowance(one.max_flow_rate))
            log.info("device", name=one.name, id=one.id, sample=one.sample_rate, flows_s=one.max_flow_rate)
            self._register(client, one)
        self._of = {name: one.id for name, one in found.items()}
        self._due_s = time.monotonic() + REFRESH_S

    def refresh(self, client: Client) -> None:
        """When due, read every device again: a changed rate, sample rate or column holds from now on.

        Interfaces that have come or changed are registered.
        """
        if not self.lines or time.monotonic() < self._due_s:
            return
        self._due_s = time.monotonic() + REFRESH_S
        devices = Devices(client, endpoints(self._orders).api, self._orders)
        for line in list(self.lines.values()):
            self._renew(line, devices.get(str(line.found.id)))
        if self._read_nics():
            for line in self.lines.values():
                self._register(client, line.found)

    def _read_nics(self) -> bool:
        """This host's interfaces; whether they are not what they were."""
        before, self._nics = self._nics, read_nics()
        self.indices = indices({nic.name: nic.mac for nic in self._nics}, self.indices)
        return before != self._nics

    def _renew(self, line: Line, found: Found) -> None:
        if found.max_flow_rate != line.allowance.rate:
            line.allowance.rate = found.max_flow_rate
            log.info("the device's rate has changed", device=found.name, flows_s=found.max_flow_rate)
        if found != line.found:
            line.found, line.device = found, self._device(found)

    def _device(self, found: Found) -> Device:
        return Device(found.id, columns_of(found.columns), self._ports)

    def _register(self, client: Client, device: Found) -> None:
        """Names and addresses of this host's interfaces; Kentik does without if it must."""
        url = endpoints(self._orders).api
        try:
            known = client.send("GET", f"{url}/device/{device.id}/interfaces", headers=JSON)
            check(known, "interfaces")
            wanted = registration(self._nics, self.indices)
            if _same(known.json(), wanted):
                return
            place = f"{url}/company/{device.company}/device/{device.id}/tags/snmp"
            check(client.send("PUT", place, headers=JSON, json=wanted), "interfaces")
        except FlowherdError as error:
            log.debug("interfaces not registered", why=error)
        except Exception as error:  # noqa: BLE001 - whatever Kentik answers, flows matter more
            log.debug("interfaces not registered", why=error)


def _same(known: object, wanted: dict[str, dict[str, object]]) -> bool:
    """Whether Kentik has all of them already, with number, name and first address."""
    if not isinstance(known, list) or not all(isinstance(one, dict) for one in known):
        return False
    there = {(one.get("snmp_id"), one.get("interface_description"), one.get("interface_ip")) for one in known}
    return {(one["index"], one["desc"], one["address"]) for one in wanted.values()} <= there
