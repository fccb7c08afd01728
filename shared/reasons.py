"""Why a flow record ended, which way a packet went, who spoke first and what, why the decoder dropped a packet."""

from enum import IntEnum


class EndReason(IntEnum):
    """flowEndReason, IANA element 136 (RFC 5102 section 5.11.3); EXCHANGE is ours, in IPFIX an active timeout."""

    IDLE_TIMEOUT = 1
    ACTIVE_TIMEOUT = 2
    END_OF_FLOW = 3
    FORCED_END = 4
    LACK_OF_RESOURCES = 5
    EXCHANGE = 6


class Direction(IntEnum):
    """Direction of a biflow's forward side as seen by this host."""

    UNKNOWN = 0
    IN = 1
    OUT = 2


class AppProtocol(IntEnum):
    """Protocol of an exchange; where kprobe has it, its number. 0 stands for none."""

    DNS = 1
    HTTP = 2
    TLS = 3
    DHCP = 4
    QUIC = 5
    POSTGRES = 6
    RADIUS = 9


class AppBy(IntEnum):
    """What chose the decoder of an exchange. 0 stands for none."""

    PORT = 1
    PAYLOAD = 2


class Speaker(IntEnum):
    """The side whose payload came first. 0 stands for none."""

    INITIATOR = 1
    RESPONDER = 2


class Drop(IntEnum):
    """Verdict on one packet: ACCOUNTED, or the one reason why it is in no flow."""

    ACCOUNTED = 0
    LINK_CUT = 1
    LINK_UNKNOWN = 2
    NOT_IP = 3
    IP_CUT = 4
    IP_VERSION = 5
    IP_HEADER_LENGTH = 6
    IP_TOTAL_LENGTH = 7
    TOO_MANY_LAYERS = 8
    NOT_SAMPLED = 9


DROP_MEANING = {
    Drop.LINK_CUT: "frame ends inside its link-layer headers",
    Drop.LINK_UNKNOWN: "link type that flowherd cannot read",
    Drop.NOT_IP: "no IP packet inside: ARP, LLDP, spanning tree and the like",
    Drop.IP_CUT: "captured bytes end inside the IP header",
    Drop.IP_VERSION: "IP version is neither 4 nor 6, or not the one the link layer announced",
    Drop.IP_HEADER_LENGTH: "IPv4 header length below 20 bytes (RFC 791 section 3.1)",
    Drop.IP_TOTAL_LENGTH: "IPv4 total length below the header length (RFC 791 section 3.1)",
    Drop.TOO_MANY_LAYERS: "more stacked tags and labels than the decoder follows",
    Drop.NOT_SAMPLED: "packets of flows that sampling leaves out, as far as the kernel did not refuse them; no fault",
}
FAULTS = tuple(reason for reason in DROP_MEANING if reason is not Drop.NOT_SAMPLED)
