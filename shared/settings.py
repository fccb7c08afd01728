"""The whole configuration as frozen types with defaults; flag, environment, TOML and docs derive from it."""

from dataclasses import dataclass, field
from typing import Literal

Capture = Literal["ring", "pcap"]
Fanout = Literal["hash", "lb", "cpu"]
Mode = Literal["flows", "dns", "radius"]
LogFormat = Literal["auto", "text", "json", "journal"]


@dataclass(frozen=True, slots=True)
class CaptureSettings:
    """How packets are taken and flows are kept; may differ per interface."""

    filter: str = ""
    """BPF expression, libpcap's syntax; empty: everything"""
    promisc: bool = False
    """put the interface into promiscuous mode"""
    snaplen: int = 0
    """bytes kept of each packet; 0: as many as are read of it, with --no-decode those of its headers"""
    sample: int | Literal["auto"] = 0
    """one of this many flows is kept, with both its directions; 0: as Kentik's device says, without it every flow;
    auto: as many as the worker can take, from that rate on"""
    records_target: int = 0
    """with sample auto: the rate is raised when the interface makes more records a second than this; 0: no target"""
    sample_cpu: int = 90
    """with sample auto: the rate is raised when the worker uses more of its core than this, percent"""
    sample_raise_s: float = 60.0
    """with sample auto: for how long it must use more"""
    sample_lower_s: float = 300.0
    """with sample auto: for how long there must be room before the rate is lowered a step"""
    device_id: int = 0
    """Kentik's device that the flows are sent as, by its number; 0: by address or name"""
    translate: tuple[str, ...] = ()
    """addr,port,addr,port: the first end is taken for the second; after sampling; may be repeated"""
    decode: bool = True
    """read DNS, HTTP, TLS, QUIC, DHCP, RADIUS and PostgreSQL; --no-decode: count packets only"""
    http_port: tuple[int, ...] = ()
    """TCP port spoken to in HTTP besides 80; other ports are known by what is said; may be repeated"""
    dns_port: tuple[int, ...] = ()
    """port of DNS besides 53; may be repeated"""
    radius_port: tuple[int, ...] = ()
    """port of RADIUS besides 1812 and 1813; may be repeated"""
    fanout_group: int = 0
    """share the interface's packets with the other sockets of this AF_PACKET fanout group; 0: none"""
    fanout_mode: Fanout = "hash"
    """how the group shares packets: by flow, one after the other, or by the core they come on"""
    capture: Capture = "ring"
    """ring: AF_PACKET TPACKET_V3 walked in place; pcap: libpcap by pcapy-ng"""
    ring_mib: int = 64
    """most memory of the capture ring, MiB"""
    ring_least_mib: int = 4
    """its memory while little comes, MiB; it grows with the traffic, and shrinks again"""
    table_mib: int = 512
    """address space of the flow table and outbox, MiB; memory is used as flows come"""
    core: int = -1
    """core the worker is pinned to; -1: chosen"""
    active_timeout_s: float = 15.0
    """longest time between two records of a living flow"""
    idle_timeout_s: float = 15.0
    """a flow silent for this long is reported"""
    forget_s: float = 60.0
    """a flow silent for this long leaves the table"""
    linger_s: float = 5.0
    """a closed TCP connection stays this long, so that late segments still count"""
    max_flows: int = 500_000
    """flows the table may hold, as far as table_mib reaches"""

    @property
    def rate(self) -> int:
        """One of how many flows is kept; auto begins with every one."""
        return 1 if self.sample == "auto" else self.sample


@dataclass(frozen=True, slots=True)
class HostSettings:
    """What one flowherd process tree has once, whatever it captures."""

    interface: tuple[str, ...] = ()
    """interfaces to watch, names or globs; none: every NIC"""
    sink: tuple[str, ...] = ("store",)
    """store[:DIR], jsonl:PATH, jsonl:-, kentik or null; may be repeated, replaces the default; --email adds kentik"""
    state_dir: str = "/var/lib/flowherd"
    """store and spool"""
    runtime_dir: str = "/run/flowherd"
    """the control socket"""
    cache_dir: str = "/var/cache/flowherd"
    """compiled kernels"""
    user: str = "flowherd"
    """service user of workers and exporter when started as root"""
    sandbox: bool = True
    """workers and exporter lock themselves in (Landlock, seccomp); --no-sandbox: not"""
    log_format: LogFormat = "auto"
    """of lines on stderr; auto: the journal's where stderr leads there, else text"""
    cpus: str = ""
    """cores that workers may run on, 2-5,8; empty: all that this host lets us use; a core of one's own goes first"""
    status_host: str = "127.0.0.1"
    """address of the status and metrics page"""
    status_port: int = 0
    """port of the status and metrics page; 0: none"""
    drain_s: float = 10.0
    """longest time to drain when stopping"""
    memory_mib: int = 2048
    """memory of its own that a worker or the exporter may take, MiB; one with more is replaced"""
    spool_mib: int = 1024
    """disk the spool may use; beyond it the oldest batches are dropped and counted"""
    spool_age_s: float = 86400.0
    """age at which a batch nobody could take is dropped and counted"""
    store_mib: int = 10240
    """disk the store may use; beyond it the oldest files are removed"""
    store_age_s: float = 30 * 86400.0
    """age at which the store's files are removed"""


@dataclass(frozen=True, slots=True)
class KentikSettings:
    """Delivery to Kentik, in kprobe's words."""

    email: str = ""
    """user registered with Kentik; also KENTIK_EMAIL; records are then sent there as well"""
    token: str = field(default="", repr=False)
    """that user's API token; also KENTIK_TOKEN, which other users of this host cannot see"""
    device_if: str = ""
    """Kentik's device, by an address of this interface"""
    device_ip: str = ""
    """Kentik's device, by its address"""
    device_name: str = ""
    """Kentik's device, by its name; none given: the host's name"""
    device_plan: int = 0
    """plan of a device that must be created; 0: none is created"""
    device_site: int = 0
    """site of a device that must be created"""
    region: str = "US"
    """Kentik's cluster: US, EU or another one's name"""
    api_url: str = ""
    """Kentik's API, instead of the region's"""
    flow_url: str = ""
    """where flows go, instead of the region's"""
    dns_url: str = ""
    """where DNS answers go, instead of the region's"""
    metrics_url: str = ""
    """where flowherd's own figures go, instead of the region's"""
    proxy_url: str = ""
    """proxy on the way to Kentik: http, https or socks5"""
    own_traffic: bool = False
    """send the flows of this delivery to Kentik too"""


@dataclass(frozen=True, slots=True)
class Settings(HostSettings):
    """Settings of one flowherd process tree and of everything it captures."""

    kentik: KentikSettings = KentikSettings()
    """delivery to Kentik"""
    mode: Mode = "flows"
    """what is sent: flows, or as kprobe's submodes DNS answers or users"""
    mirror: bool = False
    """packets are wrapped as a Juniper router mirrors them"""
    defaults: CaptureSettings = CaptureSettings()
    """how an interface without a table of its own is captured"""
    per_interface: dict[str, CaptureSettings] = field(default_factory=dict)
    """how the named interfaces are captured"""

    def capture_of(self, interface: str) -> CaptureSettings:
        """How `interface` is captured."""
        return self.per_interface.get(interface, self.defaults)
