"""Kentik's servers in one, as strict as its receivers are known to be; keeps all it was sent, has faults to order.

    with Server() as kentik:
        run_an_agent(api=kentik.api_url, flow=kentik.flow_url, …)
        assert sum(flow["inPkts"] for flow in kentik.flows) == …

Without credentials all say 401, of an unknown device or path 404. `/chf` says 400 to a wrong `sid`, `sender_id`,
content type, prefix or message, else 200 and nothing more. Complaints are kept in `refused`, for tests to show.
"""

import itertools
import json
import ssl
import threading
from typing import Any, Self
from urllib.parse import unquote

from tests.kentik import devices, payloads
from tests.kentik.faults import Faults
from tests.kentik.http import Listener, Received, RefusedRequest, Request
from tests.kentik.packed import BrokenMessageError
from tests.kentik.reader import Flow

EMAIL, TOKEN = "test@example.com", "token"
API = "/api/internal/"
JSON = "application/json"


class Server(Received):
    """Listens on loopback, a thread a connection. `device`: the JSON of those that exist."""

    def __init__(self, *known: dict[str, Any], context: ssl.SSLContext | None = None, port: int = 0) -> None:
        super().__init__()
        self.devices = list(known) or [devices.device()]
        self.faults = Faults()
        self.lock = threading.Lock()
        self.numbers = itertools.count(1000)
        self.is_closing = False
        self._http = Listener(self, port, context)
        self.url = f"{'http' if context is None else 'https'}://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.is_closing = True
        self._http.shutdown()
        self._http.server_close()

    @property
    def api_url(self) -> str:
        return self.url + "/api/internal"

    @property
    def flow_url(self) -> str:
        return self.url + "/chf"

    @property
    def dns_url(self) -> str:
        return self.url + "/dns"

    @property
    def metrics_url(self) -> str:
        return self.url + "/tsdb"

    @property
    def flows(self) -> list[Flow]:
        """Every record taken, in order."""
        with self.lock:
            return list(itertools.chain.from_iterable(self.batches))

    def device(self, name: str) -> dict[str, Any]:
        """The one of that id, name or address."""
        for one in self.devices:
            if devices.is_called(one, name):
                return one
        raise RefusedRequest(404, f"no device {name!r}")

    def answer(self, request: Request) -> tuple[int, Any]:
        """Status and JSON (None: an empty body) of a request; what it brings is kept when all is right."""
        if (request.headers.get("x-ch-auth-email"), request.headers.get("x-ch-auth-api-token")) != (
            EMAIL,
            TOKEN,
        ):
            raise RefusedRequest(401, "credentials")
        try:
            return self._take(request)
        except (BrokenMessageError, AttributeError, KeyError, TypeError) as error:
            raise RefusedRequest(400, f"{type(error).__name__}: {error}") from error

    def _take(self, request: Request) -> tuple[int, Any]:
        if request.path.startswith(API):
            return _api(self, request, request.path.removeprefix(API).split("/"))
        take = {"/chf": _flow, "/dns": _names, "/tsdb": _metrics}.get(request.path)
        if take is None:
            raise RefusedRequest(404, f"no path {request.path}")
        if request.method != "POST":
            raise RefusedRequest(405, f"{request.method} {request.path}")
        take(self, request)
        return 200, None


def _api(server: Server, request: Request, parts: list[str]) -> tuple[int, Any]:
    """The paths under /api/internal/."""
    match request.method, parts:
        case "GET", ["device", name] if name:
            return 200, {"device": server.device(unquote(name))}
        case "GET", ["device", name, "interfaces"]:
            server.device(name)
            return 200, []
        case "GET", ["devices"]:
            return 200, {"devices": server.devices}
        case "POST", ["device", ""]:
            return 201, {"device": _create(server, request)}
        case "PUT", ["company", company, "device", name, "tags", "snmp"]:
            if server.device(name)["company_id"] != company:
                raise RefusedRequest(404, f"no company {company!r}")
            server.interfaces.append(payloads.interfaces(_json(request)))
            return 200, {}
        case "POST", ["batch", "customdimensions", "kt_user", "populators"]:
            server.populators.append(payloads.populators(_json(request)))
            return 200, {"message": "accepted", "guid": f"guid-{len(server.populators)}"}
    raise RefusedRequest(404, f"{request.method} {request.path}")


def _create(server: Server, request: Request) -> dict[str, Any]:
    """A wrong type anywhere, the content type's included, breaks the receiver itself: 500."""
    try:
        wanted = _json(request)["device"]
        made = devices.made(wanted, server.devices, server.numbers)
    except (RefusedRequest, TypeError, KeyError) as error:
        raise RefusedRequest(500, f"creation: {error}") from error
    except devices.RefusedDeviceError as error:
        raise RefusedRequest(500 if "device_sample_rate" in str(error) else 400, str(error)) from error
    server.devices.append(made)
    return made


def _json(request: Request) -> Any:
    if request.headers.get("content-type") != JSON:
        raise RefusedRequest(400, f"content type {request.headers.get('content-type')!r}")
    try:
        return json.loads(request.body)
    except ValueError as error:
        raise RefusedRequest(400, f"no JSON: {error}") from error


def _flow(server: Server, request: Request) -> None:
    """A flow message."""
    if request.query.get("sid") != ["0"]:
        raise RefusedRequest(400, f"sid {request.query.get('sid')}")
    if request.headers.get("content-type") != "application/binary":
        raise RefusedRequest(400, f"content type {request.headers.get('content-type')!r}")
    sender = request.query.get("sender_id", [""])[0]
    known = [f"{one['company_id']}:{one['device_name']}:{one['id']}" for one in server.devices]
    if sender not in known:
        raise RefusedRequest(400, f"sender_id {sender!r}, known are {known}")
    flows = payloads.flows(request.body, request.headers.get("content-encoding"))
    payloads.check(flows, device_id=int(sender.rpartition(":")[2]))
    server.batches.append(flows)


def _names(server: Server, request: Request) -> None:
    """A stream of DNS answers."""
    server.answers += payloads.names(request.body)


def _metrics(server: Server, request: Request) -> None:
    """Numbers about the agent itself."""
    server.metrics += payloads.metrics(_json(request))
