"""Which application a flow's ports stand for: kprobe writes it on every record of the flow, as here (step 10).

A flow is classed by its lower port, then by its higher one. An exchange that was read says more than ports do, and
where a record has one it counts; what was told by payload on other ports is on the exchange's record only.
"""

from collections.abc import Iterable

import numpy as np

from exporter.kentik.layout import Column
from shared.reasons import AppProtocol

TCP, UDP = 6, 17
SENT = (AppProtocol.DNS, AppProtocol.HTTP, AppProtocol.TLS, AppProtocol.DHCP, AppProtocol.RADIUS)
NONE = 0
TCP_ROW, UDP_ROW = 0, 1


def services(
    *,
    dns: Iterable[int] = (53,),
    http: Iterable[int] = (),
    radius: Iterable[int] = (1812, 1813),
    decode: bool = True,
) -> Column:
    """(2, 65536) application by TCP and UDP port; without `decode` HTTP is on the ports given, TLS, DHCP on none."""
    ports = np.zeros((2, 65536), np.uint8)
    if decode:
        ports[TCP_ROW, 443], ports[TCP_ROW, 80] = AppProtocol.TLS, AppProtocol.HTTP
        ports[UDP_ROW, [67, 68]] = AppProtocol.DHCP
    ports[TCP_ROW, list(http)] = AppProtocol.HTTP
    ports[UDP_ROW, list(radius)] = AppProtocol.RADIUS
    ports[UDP_ROW, list(dns)] = AppProtocol.DNS
    return ports


def by_port(classes: Column, proto: Column, src_port: Column, dst_port: Column) -> Column:
    """The application of each flow, 0 for none."""
    found = np.zeros(len(proto), np.uint8)
    lower, higher = np.minimum(src_port, dst_port), np.maximum(src_port, dst_port)
    for table, transport in enumerate((TCP, UDP)):
        (chosen,) = np.nonzero(proto == transport)
        first = classes[table, lower[chosen]]
        found[chosen] = np.where(first == NONE, classes[table, higher[chosen]], first)
    return found


def sent(spoken: Column, by_ports: Column) -> Column:
    """For appProtocol: what the record's exchange speaks, if Kentik has a number for it, else what the ports say."""
    return np.where(np.isin(spoken, SENT), spoken, by_ports)
