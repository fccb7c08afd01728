"""Every field of the flow record, once: NumPy rows, JSON, Parquet, SQL, IPFIX and the docs page derive from here.

One record is one biflow (RFC 5103): forward is initiator to responder, `rev_` the other way. Counters are deltas
since the flow's previous record (RFC 7011 section 2). Adding a field is one line here (or in the tables of network
performance and of applications) and one in the kernel that fills it. The JSON names are a contract.
"""

from shared.application_elements import APPLICATION
from shared.element import NO_U16, NO_U32, Element, in_order
from shared.performance_elements import PERFORMANCE

__all__ = ["BY_NAME", "ELEMENTS", "NO_U16", "NO_U32", "Element"]

BASE = (
    Element(
        "interface",
        "text",
        "interface or capture file the packets were seen on",
        iana=(82, "interfaceName"),
        scope="batch",
    ),
    Element(
        "ifindex",
        "u32",
        "kernel's index of that interface",
        iana=(10, "ingressInterface"),
        absent=0,
        scope="batch",
    ),
    Element(
        "direction",
        "direction",
        "way of the forward side as this host sees it: in, out or unknown",
        iana=(61, "flowDirection"),
    ),
    Element(
        "start_ns",
        "time_ns",
        "first packet of this record, since 1970 UTC",
        "ns",
        (156, "flowStartNanoseconds"),
    ),
    Element(
        "end_ns",
        "time_ns",
        "last packet of this record, never before start_ns",
        "ns",
        (157, "flowEndNanoseconds"),
    ),
    Element("ip_version", "u8", "4 or 6", iana=(60, "ipVersion"), source="RFC 791 section 3.1"),
    Element(
        "src_addr", "address", "address of the initiator", iana=(8, "sourceIPv4Address"), kentik="ipv4SrcAddr"
    ),
    Element(
        "dst_addr",
        "address",
        "address of the responder",
        iana=(12, "destinationIPv4Address"),
        kentik="ipv4DstAddr",
    ),
    Element(
        "proto",
        "u8",
        "IP protocol, in IPv6 after the extension headers (AH and ESP end the chain)",
        iana=(4, "protocolIdentifier"),
        kentik="protocol",
        source="RFC 8200 section 4",
    ),
    Element(
        "src_port",
        "u16",
        "port of the initiator; 0 where there are none",
        iana=(7, "sourceTransportPort"),
        kentik="l4SrcPort",
    ),
    Element(
        "dst_port",
        "u16",
        "port of the responder; 0 where there are none",
        iana=(11, "destinationTransportPort"),
        kentik="l4DstPort",
    ),
    Element("packets", "u64", "packets seen", "packets", (2, "packetDeltaCount"), "inPkts", reversible=True),
    Element(
        "bytes",
        "u64",
        "IP bytes: IPv4 total length, IPv6 40 + payload length; 0 on the wire: from the frame",
        "bytes",
        (1, "octetDeltaCount"),
        "inBytes",
        reversible=True,
    ),
    Element(
        "wire_packets",
        "u64",
        "estimate of packets on the wire: an offloaded TCP super-frame counts payload / MSS",
        "packets",
        reversible=True,
    ),
    Element(
        "tcp_flags",
        "u16",
        "OR of the flag bits CWR ECE URG ACK PSH RST SYN FIN; null unless TCP",
        iana=(6, "tcpControlBits"),
        kentik="tcpFlags",
        absent=NO_U16,
        reversible=True,
        source="RFC 9293 section 3.1",
    ),
    Element(
        "tos",
        "u16",
        "DSCP and ECN of the record's first packet; null when no packet went this way",
        iana=(5, "ipClassOfService"),
        kentik="tos",
        absent=NO_U16,
        reversible=True,
        source="RFC 2474 section 3",
    ),
    Element(
        "ttl",
        "u16",
        "TTL or hop limit of the record's first packet; null when no packet went this way",
        iana=(192, "ipTTL"),
        absent=NO_U16,
        reversible=True,
    ),
    Element(
        "vlan",
        "u16",
        "VLAN id of the outermost tag of the flow's first packet; no part of the flow key",
        iana=(58, "vlanId"),
        kentik="vlanIn",
        absent=0,
        source="IEEE 802.1Q clause 9.6",
    ),
    Element(
        "inner_vlan",
        "u16",
        "VLAN id of the second tag of the flow's first packet",
        iana=(245, "dot1qCustomerVlanId"),
        absent=0,
    ),
    Element(
        "mpls_label",
        "u32",
        "topmost MPLS label of the flow's first packet",
        iana=(70, "mplsTopLabelStackSection"),
        absent=NO_U32,
        source="RFC 3032 section 2.1",
    ),
    Element(
        "src_mac",
        "mac",
        "link address of the initiator's side in the flow's first packet",
        iana=(56, "sourceMacAddress"),
        kentik="srcEthMac",
        absent=0,
    ),
    Element(
        "dst_mac",
        "mac",
        "link address of the responder's side in the flow's first packet",
        iana=(80, "destinationMacAddress"),
        kentik="dstEthMac",
        absent=0,
    ),
    Element(
        "icmp_type",
        "u16",
        "type of the flow's first packet; null unless ICMP or ICMPv6",
        iana=(176, "icmpTypeIPv4"),
        absent=NO_U16,
        source="RFC 792, RFC 4443",
    ),
    Element(
        "icmp_code",
        "u16",
        "code of the flow's first packet; null unless ICMP or ICMPv6",
        iana=(177, "icmpCodeIPv4"),
        absent=NO_U16,
        source="RFC 792, RFC 4443",
    ),
    Element(
        "fragments",
        "u32",
        "packets that were IP fragments, the first ones included",
        "packets",
        kentik="FRAGMENTS",
        reversible=True,
    ),
    Element(
        "sample_rate",
        "u32",
        "one of this many flows is kept; counters are as counted, not multiplied",
        iana=(34, "samplingInterval"),
        kentik="sampleRate",
        scope="batch",
    ),
    Element(
        "end_reason",
        "end_reason",
        "why the record was written: idle_timeout, active_timeout, end_of_flow, forced_end, lack_of_resources, or "
        "exchange: the application finished one (IPFIX calls that an active timeout)",
        iana=(136, "flowEndReason"),
        source="RFC 5102 section 5.11.3",
    ),
)

ELEMENTS = in_order(BASE + PERFORMANCE + APPLICATION)
BY_NAME = {element.name: element for element in ELEMENTS}
