"""RTM_NEWLINK messages as the kernel writes them (rtnetlink(7), linux/if_link.h), decoded by pyroute2."""

import struct

from supervisor.inventory import link_of

RTM_NEWLINK, NLM_F_MULTI = 16, 2
ADDRESS, IFNAME, MTU, LINK, MASTER, LINKINFO, LINK_NETNSID = 1, 3, 4, 5, 10, 18, 37
INFO_KIND, INFO_DATA, INFO_SLAVE_KIND = 1, 2, 4
UP, LOOPBACK, POINTOPOINT, NOARP = 0x1, 0x8, 0x10, 0x80
ETHER, LOOP, NONE, SIT, GRE = 1, 772, 65534, 776, 778


def attribute(number, content):
    content = content.encode() + b"\0" if isinstance(content, str) else content
    content = struct.pack("=I", content) if isinstance(content, int) else content
    return struct.pack("=HH", 4 + len(content), number) + content + bytes(-len(content) % 4)


def message(
    name, index, kind="", *, link=0, master=0, slave="", netnsid=None, flags=UP, hardware=ETHER, data=b""
):
    """`data`: attributes of IFLA_INFO_DATA; `slave`: the kind of what the link is a member of."""
    info = attribute(INFO_KIND, kind) if kind else b""
    info += attribute(INFO_DATA, data) if data else b""
    info += attribute(INFO_SLAVE_KIND, slave) if slave else b""
    body = struct.pack("=BxHiII", 0, hardware, index, flags, 0xFFFFFFFF)
    body += attribute(IFNAME, name) + attribute(MTU, 1500)
    body += attribute(ADDRESS, bytes([2, 0, 0, 0, 0, index])) if hardware == ETHER else b""
    body += attribute(LINK, link) if link else b""
    body += attribute(MASTER, master) if master else b""
    body += attribute(LINK_NETNSID, netnsid) if netnsid is not None else b""
    body += attribute(LINKINFO, info) if info else b""
    return struct.pack("=IHHII", 16 + len(body), RTM_NEWLINK, NLM_F_MULTI, 1, 0) + body


def links_of(*messages):
    """What the supervisor makes of such an answer."""
    from pyroute2.netlink.rtnl.marshal import MarshalRtnl

    return [link_of(found) for found in MarshalRtnl().parse(b"".join(messages))]
