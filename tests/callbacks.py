"""Callbacks that tests of training share."""

from beliefnet.training import NoCallback


class StopsAt(NoCallback):
    """Asks to stop once a step was taken."""

    def __init__(self, step: int):
        self.step, self.seen = step, 0

    def on_steps(self, epoch, step, train_bound, examples_per_second):
        self.seen = step

    def should_stop(self):
        return self.seen >= self.step
