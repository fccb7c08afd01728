"""The device at Kentik that flows are sent as: found, or created if a plan is named."""

import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from requests import Response

from exporter.kentik.client import Client
from exporter.kentik.errors import Rejected, Unknown, check
from exporter.kentik.nics import Nic, first_ipv4
from exporter.orders import KentikOrders

JSON = {"Content-Type": "application/json"}
NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_]")
CREATED = (200, 201)
ID_MOST, RATE_MOST = (1 << 32) - 1, (1 << 32) - 1
SAMPLE_MOST = 1_000_000  # as --sample


@dataclass(frozen=True, slots=True)
class Found:
    """What the API says of a device; `columns` is its custom_column_data."""

    id: int
    name: str
    company: str
    sample_rate: int = 1
    max_flow_rate: int = 0
    columns: tuple[dict[str, Any], ...] = field(default=(), repr=False)

    @property
    def sender(self) -> str:
        """Its part in the flow URL."""
        return f"{self.company}:{self.name}:{self.id}"


class Devices:
    """The device calls of Kentik's API."""

    def __init__(self, client: Client, api: str, orders: KentikOrders) -> None:
        self._client, self._api, self._orders = client, api, orders

    def find(self, device_id: int, nics: Iterable[Nic]) -> Found:
        """By number; else by an interface's addresses, by address, by name. Unknown: there is none, with the remedy."""
        orders = self._orders
        device_id = device_id or orders.device_id
        if device_id:
            return self.get(str(device_id))
        if orders.device_if:
            return self._at(orders.device_if, nics)
        name = orders.device_name or socket.gethostname()
        key = orders.device_ip or named(name)
        try:
            return self.get(key)
        except Unknown as error:
            if not orders.device_plan:
                raise Unknown(
                    f"Kentik has no device {key!r}; register it, name another one with --device-id, "
                    "or have it created: --device-plan ID"
                ) from error
        return self._create(name, nics)

    def get(self, key: str) -> Found:
        """By number, address or name."""
        response = self._client.send("GET", f"{self._api}/device/{key}", headers=JSON)
        check(response, f"device {key}")
        return _read(response, key)

    def _at(self, interface: str, nics: Iterable[Nic]) -> Found:
        addresses = [address for nic in nics if nic.name == interface for address, _mask in nic.addresses]
        for address in addresses:
            try:
                return self.get(address)
            except Unknown:
                continue
        tried = ", ".join(addresses) or "it has none"
        raise Unknown(f"Kentik has no device with an address of {interface} ({tried})")

    def _create(self, name: str, nics: Iterable[Nic]) -> Found:
        """Then it is read again: only so are its columns there."""
        orders = self._orders
        address = orders.device_ip or first_ipv4(nics, orders.interfaces)
        if not address:
            raise Unknown("no device can be created: no interface has an IPv4 address; name one: --device-ip")
        device: dict[str, Any] = {
            "device_name": named(name),
            "device_type": "host-nprobe-dns-www",
            "device_subtype": "kprobe",
            "device_description": name,
            "device_sample_rate": "1",
            "device_bgp_type": "none",
            "plan_id": orders.device_plan,
            "cdn_attr": "N",
            "sending_ips": [address],
        } | ({"site_id": orders.device_site} if orders.device_site else {})
        response = self._client.send("POST", f"{self._api}/device/", headers=JSON, json={"device": device})
        try:
            check(response, f"device {named(name)} cannot be created", CREATED)
        except Rejected as error:
            raise Unknown(str(error)) from error
        return self.get(str(_read(response, name).id))


def named(name: str) -> str:
    """A device's name as Kentik writes it."""
    return NOT_IN_NAMES.sub("_", name)


def _read(response: Response, key: str) -> Found:
    try:
        device = response.json()["device"]
        return Found(
            _whole(device["id"], 1, ID_MOST),
            str(device["device_name"]),
            str(device["company_id"]),
            max(_whole(device.get("device_sample_rate") or 1, -1, SAMPLE_MOST), 1),
            _whole(device.get("max_flow_rate") or 0, 0, RATE_MOST),
            tuple(device.get("custom_column_data") or ()),
        )
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise Rejected(f"device {key}: the answer is not understood; is --api-url Kentik's API?") from error


def _whole(value: Any, least: int, most: int) -> int:  # noqa: ANN401 - JSON
    """A number or its digits; ValueError: another one than there can be."""
    number = int(value)
    if not least <= number <= most:
        raise ValueError(number)
    return number
