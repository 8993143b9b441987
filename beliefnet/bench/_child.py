"""The process of one contestant: it does what lines on its standard input say, and waits between them.

    python -m beliefnet.bench._child FOLDER CONTESTANT

`bound SECONDS MOST` draws the bound again and again, `run COUNT` takes steps. Every answer is a line of JSON.
"""

import json
import os
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import TextIO

from beliefnet.bench._contestant import AbstractContestant, Task

LEAST_BOUNDS = 16


def make(task: Task, name: str) -> AbstractContestant:
    """Return a contestant by its name: own, xla-floor, or a module of `peers` and a variant."""
    if name == "own":
        return import_module("beliefnet.bench._own").contestant(task)
    if name == "xla-floor":
        return import_module("beliefnet.bench._floors").XLAFloor(task)
    module, _, variant = name.partition(":")
    return import_module(f"beliefnet.bench.peers.{module}").contestant(task, variant)


def answer(contestant: AbstractContestant, words: list[str]) -> object:
    """Do what a line says, and return the seconds of steps, or bounds in nats."""
    if words[0] == "run":
        begin = time.perf_counter()
        contestant.run(int(words[1]))
        return time.perf_counter() - begin
    limit, most, bounds = float(words[1]), int(words[2]), [contestant.bound()]
    begin = time.perf_counter()
    while len(bounds) < LEAST_BOUNDS or (len(bounds) < most and time.perf_counter() - begin < limit):
        bounds.append(contestant.bound())
    return bounds


def serve(task: Task, name: str, lines: TextIO, answers: TextIO) -> None:
    """Make a contestant, and answer line after line."""

    def say(thing: object) -> None:
        answers.write(json.dumps(thing) + "\n")
        answers.flush()

    contestant = make(task, name)
    say("ready")
    for line in lines:
        say(answer(contestant, line.split()))


def main() -> None:
    """Serve until standard input ends; what libraries print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    folder, name = sys.argv[1:]
    serve(Task.load(Path(folder)), name, sys.stdin, answers)


if __name__ == "__main__":
    main()
