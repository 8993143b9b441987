"""Fixtures of downloads: an empty cache, and a server on this machine that publishes small files."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from beliefnet.data._download import Download
from beliefnet.data._load import SOURCES
from beliefnet.data.sources import Remote


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, no data folder, and no proxy between the tests and their server."""
    folder = tmp_path / "cache"
    monkeypatch.delenv("BELIEFNET_DATA", raising=False)
    monkeypatch.setenv("BELIEFNET_CACHE", str(folder))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return folder


@dataclass
class Server:
    """What the local server answers: `files` by name, and how it misbehaves."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    damage: Callable[[bytes], bytes] = bytes
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            name = self.path.strip("/")
            state.asked.append(name)
            if name not in state.files:
                self.send_error(404)
                return
            self.send_response(200)
            # The length of the intact file, so that a shortened body is a broken transfer.
            self.send_header("Content-Length", str(len(state.files[name])))
            self.end_headers()
            self.wfile.write(state.damage(state.files[name]))

        def log_message(self, *_args: object):
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    state.url = f"http://127.0.0.1:{httpd.server_port}"
    yield state
    httpd.shutdown()
    thread.join()
    httpd.server_close()


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def local_source(name: str, server: Server, files: dict[str, bytes], **changes: object) -> Remote:
    """The named source, with small files that the local server publishes; with their checksums, if it has any."""
    source = SOURCES[name]
    assert isinstance(source, Remote)
    server.files |= files
    verified = all(download.checksum for download in source.downloads)
    downloads = tuple(Download(name, sha256(content) if verified else None) for name, content in files.items())
    return replace(source, downloads=downloads, base_urls=(server.url,), **changes)
