"""What looks on while a run trains: the live view."""

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from beliefnet._errors import OptionError
from beliefnet.cli._common import asked
from beliefnet.cli._text import for_terminal, say
from beliefnet.report import Live, check_port
from beliefnet.runs import RunFolder
from beliefnet.training import Callback

_PORT = "--live-port"


@dataclass(frozen=True)
class Tracking:
    """What was asked for.

    Attributes:
        live: Serve the page of the run while it trains.
        live_port: Where; None for a free port.
    """

    live: bool
    live_port: int | None

    def check(self) -> None:
        """Check that all of it can be had, before anything is loaded.

        Raises:
            OptionError: If something cannot.
        """
        if self.live_port is not None:
            with _naming_options():
                check_port(self.live_port)

    @contextlib.contextmanager
    def of(self, folder: RunFolder) -> Iterator[tuple[Callback, ...]]:
        """Return a context with the callbacks that look on."""
        with contextlib.ExitStack() as stack:
            callbacks = []
            if self.live or self.live_port is not None:
                with _naming_options():
                    live = stack.enter_context(Live(folder.path, port=self.live_port))
                _say_address(live.url)
                callbacks.append(live)
            yield tuple(callbacks)


@contextlib.contextmanager
def _naming_options() -> Iterator[None]:
    """Have errors name the option of the command line."""
    try:
        yield
    except OptionError as error:
        raise OptionError.of(error, option=_PORT) from None


def _say_address(url: str) -> None:
    """Say where the page is; beside a JSON object on standard error, as nobody could know it otherwise."""
    line = f"live view   {url}"
    if asked().json and not asked().quiet:
        print(for_terminal(line), file=sys.stderr, flush=True)
    else:
        say(line)
