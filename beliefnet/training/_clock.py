"""How long training took."""

import time
from dataclasses import dataclass, field


@dataclass
class Clock:
    """Seconds of training over all resumptions, and the speed of the current epoch without evaluation."""

    earlier: float = 0.0
    started: float = field(default_factory=time.monotonic)
    saved: float = field(default_factory=time.monotonic)
    epoch_seconds: float = 0.0
    epoch_steps: int = 0
    steps_per_second: float = 0.0

    @property
    def seconds(self) -> float:
        """Seconds of training, over all resumptions."""
        return self.earlier + time.monotonic() - self.started

    def count(self, steps: int, seconds: float) -> None:
        """Add steps and the time they took."""
        self.epoch_steps += steps
        self.epoch_seconds += seconds
        self.steps_per_second = self.epoch_steps / self.epoch_seconds

    def end_epoch(self) -> None:
        """Start measuring anew; the speed found so far stands until the next steps."""
        self.epoch_steps, self.epoch_seconds = 0, 0.0
