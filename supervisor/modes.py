"""Pure: the settings of kprobe's submodes, in which no flows are sent but DNS answers, or users by RADIUS."""

from dataclasses import replace

from shared.settings import CaptureSettings, Mode, Settings

RADIUS_PORTS = (1812, 1813)
LATER_FRAGMENTS = "ip[6:2] & 0x1fff != 0 or ip6[6] = 44"


def in_mode(settings: Settings, mode: Mode, *, mirror: bool = False, ports: tuple[int, ...] = ()) -> Settings:
    """Everything decoded and nothing left out by chance; the filter is the mode's unless one was given."""
    ports = ports or RADIUS_PORTS

    def turned(capture: CaptureSettings) -> CaptureSettings:
        usual = _answers(mirror) if mode == "dns" else _requests(ports)
        chosen = capture.filter or usual
        return replace(capture, decode=True, sample=1, translate=(), radius_port=ports, filter=chosen)

    return replace(
        settings,
        mode=mode,
        mirror=mirror,
        defaults=turned(settings.defaults),
        per_interface={name: turned(capture) for name, capture in settings.per_interface.items()},
    )


def _answers(mirror: bool) -> str:
    """Answers and their later fragments. What a router mirrors is wrapped, so everything must be looked at."""
    return "" if mirror else f"src port 53 or {LATER_FRAGMENTS}"


def _requests(ports: tuple[int, ...]) -> str:
    return " or ".join(f"udp dst port {port}" for port in ports)
