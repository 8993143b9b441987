"""A contestant in a process of its own, as the one that measures sees it."""

import json
import subprocess
import sys
from pathlib import Path


class ContestantError(Exception):
    """A contestant's process ended: what it said last is the reason."""


class Contestant:
    """A process that does what it is told, and sleeps until then.

    Args:
        folder: Where the task is; what the process says goes to a file there.
        name: The contestant.

    Raises:
        ContestantError: If it cannot be made.
    """

    def __init__(self, folder: Path, name: str):
        self.name, self._said = name, folder / f"{name.replace(':', '-')}.txt"
        words = [sys.executable, "-m", "beliefnet.bench._child", str(folder), name]
        with self._said.open("w") as said:
            self._process = subprocess.Popen(
                words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True
            )
        self._answer()

    def run(self, count: int) -> float:
        """Take so many steps, and return the seconds that they took."""
        return self._ask(f"run {count}")

    def bounds(self, seconds: float, most: int) -> list[float]:
        """Draw the bound for so many seconds, or so many times, in nats."""
        return self._ask(f"bound {seconds} {most}")

    def close(self) -> None:
        """End the process."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None and not stream.closed:
                stream.close()
        self._process.terminate()
        self._process.wait()

    def _ask(self, line: str):
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._failed() from None
        return self._answer()

    def _answer(self):
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise self._failed()
        return json.loads(line)

    def _failed(self) -> ContestantError:
        self.close()
        lines = self._said.read_text(errors="replace").strip().splitlines() or [f"status {self._process.returncode}"]
        return ContestantError(f"expected {self.name} to run, got: {lines[-1]}")
