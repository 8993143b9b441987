"""Event files that TensorBoard shows, written without TensorFlow or PyTorch."""

import os
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from beliefnet._errors import OptionError
from beliefnet.tracking._tracker import AbstractTracker, Params, Status

_PATTERN = "*.tfevents.*"
_LENGTH = struct.Struct("<QI")
_CHECKSUM_BYTES = 4
_LARGEST_EVENT = 2**26


class TensorBoard(AbstractTracker):
    """Event files in the run folder itself: `tensorboard --logdir runs` shows all runs of a folder by their names.

    Scalars have the names of `metrics.jsonl`, and the options are hyperparameters. Needs the package tensorboardX.

    Args:
        folder: The run folder.

    Raises:
        OptionError: If the package is missing.

    Examples:
        >>> from tempfile import mkdtemp
        >>> folder = mkdtemp()
        >>> with TensorBoard(folder) as tracker:  # fit(..., folder=folder, callback=tracker)
        ...     tracker.log({"test/nll": 21.5}, step=100)
        >>> list(TensorBoard(folder).recorded())
        [('test/nll', 100)]
    """

    def __init__(self, folder: Path | str):
        super().__init__(folder)
        self._tensorboard = _packages()
        self._writer: Any = None
        self._session_end: Any = None

    @property
    def place(self) -> str:
        """Where it is recorded."""
        return f"event files in {self.folder.path}"

    def recorded(self) -> Iterator[tuple[str, int]]:
        """Yield tag and step of every scalar in the event files of the folder."""
        for path in sorted(self.folder.path.glob(_PATTERN)):
            for content in _records(path.read_bytes()):
                event = self._tensorboard.proto.event_pb2.Event.FromString(content)
                for value in event.summary.value:
                    if value.WhichOneof("value") == "simple_value":
                        yield value.tag, event.step

    def _open(self) -> set[tuple[str, int]]:
        return set(self.recorded())

    def _event(self, **content: Any) -> None:
        if self._writer is None:
            self.folder.make()
            # Several may be written within a second; TensorBoard reads them in the order of their names.
            self._writer = self._tensorboard.event_file_writer.EventsWriter(
                os.fspath(self.folder.path / "events"), f".{time.time_ns()}"
            )
        self._writer.write_event(self._tensorboard.proto.event_pb2.Event(wall_time=time.time(), **content))

    def _describe(self, params: Params, facts: Mapping[str, str]) -> None:
        given = {**params, **{name: text for name, text in facts.items() if text}}
        experiment, start, self._session_end = self._tensorboard.summary.hparams(given, {"valid_bound": 0.0})
        self._event(summary=experiment)
        self._event(summary=start)
        self._writer.flush()

    def _begin(self) -> None:
        """Nothing says so in an event file."""

    def _write(self, rows: Sequence[tuple[int, Mapping[str, float]]]) -> None:
        summary = self._tensorboard.proto.summary_pb2.Summary
        for step, figures in rows:
            if figures:
                values = [summary.Value(tag=name, simple_value=value) for name, value in figures.items()]
                self._event(summary=summary(value=values), step=step)
        if self._writer is not None:
            self._writer.flush()

    def _end(self, status: Status, *, has_trained: bool) -> None:
        if self._writer is None:
            return
        if has_trained and status is Status.FINISHED and self._session_end is not None:
            self._event(summary=self._session_end)
        self._writer.close()


def check_tensorboard() -> None:
    """Check that event files can be written.

    Raises:
        OptionError: If the package is missing.
    """
    _packages()


def _packages() -> Any:
    try:
        # Imported here because it is an extra.
        import tensorboardX  # pyright: ignore[reportMissingImports]
        import tensorboardX.event_file_writer  # pyright: ignore[reportMissingImports]
        import tensorboardX.proto.event_pb2  # pyright: ignore[reportMissingImports]
        import tensorboardX.proto.summary_pb2  # pyright: ignore[reportMissingImports]
        import tensorboardX.summary  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise OptionError(
            "expected the package tensorboardX, which writes what TensorBoard shows, got none",
            'pip install "beliefnet[tensorboard]"',
        ) from error
    return tensorboardX


def _records(content: bytes) -> Iterator[bytes]:
    """Yield the records of an event file, each with its length before and its checksum after; one cut short ends it."""
    place = 0
    while place + _LENGTH.size <= len(content):
        length, _ = _LENGTH.unpack_from(content, place)
        start, end = place + _LENGTH.size, place + _LENGTH.size + length
        if length > _LARGEST_EVENT or end + _CHECKSUM_BYTES > len(content):
            return
        yield content[start:end]
        place = end + _CHECKSUM_BYTES
