"""A server for the browsers of this machine: few pages, read alone, and gone with the process."""

import socketserver
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple, TypeAlias
from urllib.parse import parse_qsl

from beliefnet._errors import ArgumentError, OptionError, whole_number

HOST = "127.0.0.1"
_LARGEST_PORT = 65535
_USUAL_PORT = 80
_SILENT_SECONDS = 10.0
_POLL_SECONDS = 0.1


class Answer(NamedTuple):
    """What is sent: the media type, the text, and headers of its own."""

    kind: str
    text: str
    headers: Mapping[str, str] = {}


Answers: TypeAlias = Mapping[str, Callable[[Mapping[str, str]], Answer]]


class LocalServer:
    """Answers GET requests from this machine in threads of its own, which end with the process at the latest.

    Only requests that name this machine as their host are answered: a page of elsewhere whose name was turned to this
    address names itself.

    Args:
        answers: What makes an answer of the words of a query, by path.
        port: Where; None for a port that is free.

    Raises:
        OptionError: If the port cannot be used.
    """

    def __init__(self, answers: Answers, port: int | None = None):
        self._server = _bound(answers, port)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_SECONDS,), name="beliefnet live view", daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """The address of the first page."""
        return f"http://{HOST}:{self._server.server_address[1]}/"

    def close(self) -> None:
        """Stop, and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def check_port(port: int) -> None:
    """Check that a page can be served at a port.

    Raises:
        OptionError: If it cannot.
    """
    _bound({}, port).server_close()


class _Server(ThreadingHTTPServer):
    # Two servers at one port would share its requests; some versions of Python allow it by default.
    allow_reuse_port = False

    def server_bind(self) -> None:
        """Bind without asking anybody for a name of this machine."""
        socketserver.TCPServer.server_bind(self)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a browser that has gone."""


def _bound(answers: Answers, port: int | None) -> _Server:
    try:
        number = 0 if port is None else whole_number("port", port, good=8080, most=_LARGEST_PORT)
        return _Server((HOST, number), _handler(answers))
    except ArgumentError as error:
        raise OptionError.of(error) from None
    except OSError as error:
        raise OptionError(
            f"expected {{option}} to be a port that is free, got {port} ({error.strerror})",
            "another one, or leaving it out for a free one",
            option="port",
        ) from None


def _handler(answers: Answers) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _SILENT_SECONDS

        def do_GET(self) -> None:
            port = self.connection.getsockname()[1]
            places = [[f"{host}:{port}" if port != _USUAL_PORT else host] for host in (HOST, "localhost")]
            if self.headers.get_all("Host") not in places:
                return self.send_error(403, "Only for browsers on this machine")
            path, _, query = self.path.partition("?")
            if path not in answers:
                return self.send_error(404)
            try:
                answer = answers[path](dict(parse_qsl(query)))
            except Exception as error:
                # A page that cannot be made must cost training nothing.
                return self.send_error(500, f"The page could not be made ({type(error).__name__})")
            content = answer.text.encode("utf-8", "backslashreplace")
            self.send_response(200)
            for name, value in (_HEADERS | dict(answer.headers)).items():
                self.send_header(name, value)
            self.send_header("Content-Type", f"{answer.kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def version_string(self) -> str:
            return "beliefnet"

        def log_message(self, format: str, *_: object) -> None:
            """Print nothing: the terminal is that of training."""

    return Handler


_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
