"""The page about a run while it trains, as a server: whom it answers, what it says, and that it ends."""

import http.client
import json
import re
import signal
import subprocess
import sys
import threading
import time
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from commands import fails

from beliefnet._errors import ArgumentError, OptionError
from beliefnet.report import Live, _live
from beliefnet.runs import RunFolder

SERVES = "beliefnet live view"


def history(count: int) -> list[dict]:
    return [
        {
            "epoch": n,
            "step": 2 * n,
            "train_bound": -9.0 - 1 / n,
            "valid_bound": float("nan") if n == 2 else -8.0 - 1 / n,
        }
        for n in range(1, count + 1)
    ]


def asks(url: str, path: str = "/metrics.json", *, method: str = "GET", host: str | None = None):
    """Return status, headers and text of an answer."""
    place = urlsplit(url).netloc
    connection = http.client.HTTPConnection(place, timeout=5)
    connection.request(method, path, headers={"Host": place if host is None else host})
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read().decode()


def told(url: str, after: object = 0) -> dict:
    return json.loads(asks(url, f"/metrics.json?after={after}")[2])


@pytest.fixture(autouse=True)
def short_wait(monkeypatch):
    monkeypatch.setattr(_live, "_SECONDS_TO_BE_READ", 0.2)


@pytest.fixture
def live(tmp_path):
    folder = RunFolder.create(
        tmp_path / "<i>run", {"net": "sbn", "epochs": 9, "data": "</script>", "estimator": "nvil"}
    )
    with Live(folder.path) as live:
        yield live
    assert SERVES not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(ConnectionRefusedError):
        asks(live.url)


def test_only_pages_of_this_machine_are_answered(live: Live):
    port = urlsplit(live.url).port
    assert asks(live.url, host=f"localhost:{port}")[0] == 200
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1", f"127.0.0.1.evil.example:{port}", ""):
        assert asks(live.url, host=host)[0] == 403
    for method in ("POST", "PUT", "DELETE", "HEAD", "OPTIONS", "TRACE"):
        assert asks(live.url, method=method)[0] == 501
    for path in ("/config.toml", "/../config.toml", "//etc/passwd", "/%2e%2e/config.toml", "/metrics.jsonl", "*"):
        assert asks(live.url, path)[0] == 404


def test_the_page_is_there_before_the_first_epoch(live: Live):
    status, headers, page = asks(live.url, "/")
    assert (status, headers.get_content_type()) == (200, "text/html")
    assert (headers["X-Frame-Options"], headers["X-Content-Type-Options"]) == ("DENY", "nosniff")
    assert "No epoch has ended yet" in page
    assert "connect-src &#x27;self&#x27;" in page
    assert "&lt;i&gt;run" in page
    assert "<i>run" not in page
    assert page.count("</script>") == 2  # the data of the chart, and the script
    assert told(live.url)["texts"]["live-epochs"] == "0 of 9"


def test_epochs_that_are_new_are_told(live: Live):
    live.on_epoch(SimpleNamespace(history=history(3)))  # pyright: ignore[reportArgumentType]
    live.on_steps(4, 7, -9.5, 1234.0)
    found = told(live.url)
    assert (found["state"], found["short"], found["texts"]["live-speed"]) == ("training", "3/9", "1,234")
    assert found["curves"]["x"] == [1, 2, 3]
    assert found["curves"]["y"]["validation"] == [-9.0, None, pytest.approx(-8 - 1 / 3)]
    assert found["texts"]["live-best"].endswith("nats, after epoch 3")
    assert told(live.url, 2)["curves"]["x"] == [3]
    for after in (4, -1, "x", "9" * 9):  # of another run, or of nobody
        assert told(live.url, after)["curves"]["x"] == [1, 2, 3]
    assert found["page"] == re.search(r'data-page="([^"]+)"', asks(live.url, "/")[2])[1]  # pyright: ignore


@pytest.mark.parametrize(
    ("reason", "state", "said"),
    [
        ("finished", "finished", "Finished: all epochs are done. The whole page is written by: beliefnet report "),
        ("no improvement", "finished", "Finished: no better since epoch 1."),
        ("interrupted", "interrupted", "It goes on with: beliefnet train --resume "),
    ],
)
def test_the_end_is_told(live: Live, reason: str, state: str, said: str):
    live.on_end(SimpleNamespace(reason=reason, history=history(2), best_epoch=1))  # pyright: ignore[reportArgumentType]
    found = told(live.url)
    assert (found["state"], found["is_over"], found["curves"]["x"]) == (state, True, [1, 2])
    assert said in found["texts"]["live-said"]


def ends_by(error: BaseException, live: Live, look: bool) -> float:
    """Have an error end the context, and return the seconds that it takes."""
    began = time.monotonic()
    try:
        with live:
            if look:
                told(live.url)
            raise error
    except type(error):
        return time.monotonic() - began


def test_an_error_is_told_to_those_who_look_and_is_waited_for_by_nobody(tmp_path):
    assert ends_by(ZeroDivisionError(), Live(tmp_path), look=False) < 0.2
    assert ends_by(KeyboardInterrupt(), Live(tmp_path), look=True) < 0.2
    live, found = Live(tmp_path), []
    threading.Timer(0.1, lambda: found.append(told(live.url))).start()
    assert ends_by(ZeroDivisionError("<none>"), live, look=True) >= 0.2
    assert (found[0]["state"], found[0]["is_over"]) == ("failed", True)
    assert "ZeroDivisionError: <none>" in found[0]["texts"]["live-said"]


def test_outside_of_its_context_nothing_is_served(tmp_path):
    live = Live(tmp_path)
    for use in (lambda: live.url, lambda: live.on_steps(1, 2, -9.0, 100.0)):
        with pytest.raises(ArgumentError, match="expected a Live within its context, got one outside"):
            use()


def test_a_port_that_cannot_be_used_is_refused_before_anything_is_done(tmp_path, capsys):
    with Live(tmp_path) as live:
        port = urlsplit(live.url).port
        error = fails(capsys, "train", "--live-port", port, "--data", "no-such-data", "--out", tmp_path / "run")
        assert f"expected --live-port to be a port that is free, got {port} (Address already in use); try" in error
        with pytest.raises(OptionError, match="expected port to be a port that is free"), Live(tmp_path, port=port):
            pass
    for wrong in (0, 65536):
        assert "expected --live-port of at " in fails(capsys, "train", "--live-port", wrong)
    assert not (tmp_path / "run").exists()


@pytest.mark.full
def test_training_is_watched_and_stopped(tmp_path):
    """Nothing but the object is on standard output; an interruption ends training and the page."""
    words = ["--data", "bars", "--hidden", "4", "--epochs", "100000", "--out", str(tmp_path / "run")]
    command = [sys.executable, "-c", "from beliefnet.cli import main; main()", "train", "--live", "--json", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        url = process.stderr.readline().removeprefix("live view").strip()
        while not (found := told(url))["curves"]["x"]:
            time.sleep(0.2)
        assert found["steps"][1] > 100000
        process.send_signal(signal.SIGINT)
        while not (found := told(url))["is_over"]:
            time.sleep(0.1)
        assert found["state"] == "interrupted"
        assert process.wait(20) == 130
    finally:
        process.kill()
    assert json.loads(process.stdout.read())["reason"] == "interrupted"
    assert process.stderr.read() == ""
    with pytest.raises(ConnectionRefusedError):
        told(url)
