"""The requests that a store gets, and what becomes of them."""

from __future__ import annotations

import http.client
import itertools
import os
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Literal, TypeVar

Fault = Literal["cut", "answer lost", "503", "403"]

FAULTS: tuple[Fault, ...] = ("cut", "answer lost", "503")
"""Those that may befall any request."""

EVERY = bool(os.environ.get("SIGPB_EVERY_FAULT"))
"""Whether tests take the time to have every request fail."""

_KINDS = tuple(itertools.product(FAULTS, (False, True)))

_Point = TypeVar("_Point")

_ANSWERS = {
    "503": b"<Error><Code>ServiceUnavailable</Code><Message>Try later</Message></Error>",
    "403": b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
}


def faults_at(points: Sequence[_Point], step: int) -> list[tuple[_Point, Fault, bool]]:
    """Returns which failures to inject: where, of which kind, and whether it lasts.

    The kinds take turns; if there is time for all, each is injected everywhere, unless there are
    hundreds of points.

    Args:
        points: Where failures can be injected.
        step: One of so many points has its turn if there is no time for all.
    """
    if EVERY and len(points) < 100:
        return [(point, *kind) for point, kind in itertools.product(points, _KINDS)]
    chosen = zip(points[:: 1 if EVERY else step], itertools.cycle(_KINDS), strict=False)
    return [(point, *kind) for point, kind in chosen]


def failing_from(at: int, fault: Fault, lasts: bool) -> Callable[[int], Fault | None]:
    """Returns what has a request fail, and all after it if that lasts."""
    return lambda number: fault if number == at or (lasts and number > at) else None


class Requests:
    """The requests that a store gets.

    Attributes:
        seen: The method and the path of each.
        fault: What becomes of a request, by its number from 1 on; None for no fault.
        watch: Called before each.
    """

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        self.reset()
        self._lock = threading.Lock()

    def reset(
        self,
        fault: Callable[[int], Fault | None] = lambda number: None,
        watch: Callable[[], object] = lambda: None,
    ) -> None:
        """Begins to count anew."""
        self.fault, self.watch = fault, watch
        self.seen.clear()

    def next(self, method: str, path: str) -> Fault | None:
        """Returns what is to become of a request that came in."""
        with self._lock:
            self.watch()
            self.seen.append((method, path))
            return self.fault(len(self.seen))


class Proxy:
    """Passes requests on to an HTTP server of this machine, or makes them fail.

    It has a connection for each request: clients repeat by themselves what fails on one that they
    have used before, so that faults would not get through to them.
    """

    def __init__(self, server: str, requests: Requests) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # Else the client waits for the body of an answer.

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except OSError:  # The client went away.
                    self.close_connection = True

            def __getattr__(self, name: str) -> Callable[[], None]:
                if name.startswith("do_"):
                    return self._pass_on
                raise AttributeError(name)

            def _pass_on(self) -> None:
                self.close_connection = True
                fault = requests.next(self.command, self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if fault == "cut":
                    return
                if fault in _ANSWERS:
                    self._answer(int(fault), {}, _ANSWERS[fault])
                    return
                upstream = http.client.HTTPConnection(server)
                upstream.request(self.command, self.path, body, dict(self.headers.items()))
                answer = upstream.getresponse()
                data = answer.read()
                upstream.close()
                if fault is None:
                    self._answer(answer.status, dict(answer.getheaders()), data)

            def _answer(self, status: int, headers: dict[str, str], data: bytes) -> None:
                self.send_response_only(status)
                for name, value in headers.items():
                    if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                        self.send_header(name, value)
                length = headers.get("Content-Length") if self.command == "HEAD" else None
                self.send_header("Content-Length", length or str(len(data)))
                self.send_header("Connection", "close")
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def address(self) -> str:
        host, port = self._server.server_address[:2]
        return f"{host!s}:{port}"

    def __enter__(self) -> Proxy:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
