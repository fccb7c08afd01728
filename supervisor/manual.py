"""The groups `--help` shows options in: those of kprobe's manual, in its order, then what is flowherd's own."""

from collections.abc import Collection
from typing import Annotated, Any, get_type_hints

from cyclopts import Group, Parameter

_GROUPS = {
    "Standard setup": (
        "email", "token", "interface", "region", "device_id", "device_ip", "device_if", "device_name", "device_plan",
        "sample",
    ),
    "Optional features": (
        "decode", "proxy_url", "http_port", "dns_port", "radius_port", "promisc", "filter", "translate", "device_site",
        "fanout_group", "fanout_mode",
    ),
    "HTTP status server": ("status_host", "status_port"),
    "Printing": ("verbose",),
    "Debugging": ("api_url", "flow_url", "dns_url", "metrics_url", "snaplen"),
    "Sinks and folders": (),
    "Capture, more of it": (),
}  # fmt: skip
PRINTING, HOST, CAPTURE = (
    Group(name, sort_key=10 + list(_GROUPS).index(name))
    for name in ("Printing", "Sinks and folders", "Capture, more of it")
)
_OF = {
    option: Group(name, sort_key=10 + place)
    for place, (name, options) in enumerate(_GROUPS.items())
    for option in options
}
_LETTERS = {"interface": ("--interface", "-i")}


def grouped(settings: type, unshown: Collection[str] = ()) -> Any:  # noqa: ANN401 the same type to all but cyclopts
    """The settings' type with each option's group beside its type, which is where cyclopts looks for it."""
    hints = {
        name: Annotated[
            hint, Parameter(name=_LETTERS.get(name), group=_OF.get(name), show=name not in unshown)
        ]
        for name, hint in get_type_hints(settings, include_extras=True).items()
        if name in {*_OF, *unshown}
    }
    return type(
        settings.__name__, (settings,), {"__annotations__": hints, "__module__": __name__, "__slots__": ()}
    )


def default(value: object) -> str:
    """As one would write it."""
    if isinstance(value, bool):
        return str(value).lower()
    return (" ".join(map(str, value)) if isinstance(value, tuple) else str(value)) or "none"
