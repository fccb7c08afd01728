"""Ports that servers are known by, and ports whose messages are decoded."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from shared.reasons import AppProtocol

REGISTERED_SERVICES = (
    *(
        1080,
        1194,
        1433,
        1521,
        1701,
        1720,
        1723,
        1812,
        1813,
        1883,
        1900,
        2049,
        2055,
        2181,
        2379,
        3128,
        3268,
        3306,
    ),
    *(
        3389,
        3478,
        3868,
        4739,
        4789,
        5060,
        5061,
        5222,
        5353,
        5355,
        5432,
        5671,
        5672,
        5900,
        5985,
        6081,
        6343,
        6379,
    ),
    *(
        6443,
        6514,
        6653,
        6881,
        8000,
        8008,
        8080,
        8081,
        8086,
        8443,
        8500,
        8883,
        8888,
        9000,
        9042,
        9090,
        9092,
        9200,
    ),
    *(9418, 9995, 10050, 10250, 11211, 15672, 25565, 27017, 50051, 51820),
)


def service_ports() -> Any:
    """1 for each system port (RFC 6335 section 6) and each port above that servers are known to listen on."""
    services = np.zeros(65536, np.uint8)
    services[1:1024] = 1
    services[list(REGISTERED_SERVICES)] = 1
    return services


TCP_PORTS, UDP_PORTS = 0, 1
DNS_PORT, RADIUS_PORTS = 53, (1812, 1813)


def application_ports(http: Iterable[int] = (), dns: Iterable[int] = (), radius: Iterable[int] = ()) -> Any:
    """(2, 65536) AppProtocol by TCP and UDP port; those given are added to those that are always so."""
    ports = np.zeros((2, 65536), np.uint8)
    ports[TCP_PORTS, [443, 853]] = AppProtocol.TLS
    ports[TCP_PORTS, 5432] = AppProtocol.POSTGRES
    ports[TCP_PORTS, [80, *http]] = AppProtocol.HTTP
    ports[UDP_PORTS, 443] = AppProtocol.QUIC
    ports[UDP_PORTS, [67, 68]] = AppProtocol.DHCP
    ports[UDP_PORTS, [*RADIUS_PORTS, *radius]] = AppProtocol.RADIUS
    ports[:, [DNS_PORT, *dns]] = AppProtocol.DNS
    return ports
