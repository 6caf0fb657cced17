"""Trials: who is measured in which turn, and which trial does not count.

Contestants take turns in the order A B C .. C B A, so that whatever drifts falls on all alike, and
the ratios are those within a turn. A trial is thrown away when the hypervisor took time meanwhile,
a calibration loop moved, or the thread that polls waited for its CPU; it is repeated at once, up
to a bound.
"""
import dataclasses

STEAL_ALLOWED = 0.005        # share of all CPUs' time
MOVEMENT_ALLOWED = 0.03      # of a calibration loop from before a trial to after it
SLOWNESS_ALLOWED = 0.10      # of it against what is usual: memory drifts by a few percent
DELAY_ALLOWED = 0.002        # share of the trial that the polling thread may have waited
CALIBRATIONS_KEPT = 15       # what "so far" means
FEWEST = 3                   # trials that must count; with fewer, disturbed ones are taken in


@dataclasses.dataclass
class Trial:
    contestant: str
    sessions: int
    turn: int
    attempt: int
    figures: dict
    reasons: list      # why it does not count; empty: it does
    watched: dict      # what the reasons were judged by

    @property
    def counts(self):
        return not self.reasons


@dataclasses.dataclass(frozen=True)
class Watched:
    """What a trial was like, apart from its figures."""
    seconds: float
    stolen: float          # share of time
    delay_s: float         # of the polling thread
    before: tuple          # calibration: cycles of an ALU step and of a step of the chase
    after: tuple


def reasons_against(watched, usual):
    """Why a trial does not count. `usual`: the loops' figures as they are in this run."""
    reasons = []
    if watched.stolen > STEAL_ALLOWED:
        reasons.append("steal %.1f %%" % (watched.stolen * 100))
    if watched.delay_s > DELAY_ALLOWED * watched.seconds:
        reasons.append("switched out for %.1f ms" % (watched.delay_s * 1000))
    for name, before, after, normal in zip(("ALU loop", "pointer chase"), watched.before,
                                           watched.after, usual):
        if abs(after / before - 1) > MOVEMENT_ALLOWED:
            reasons.append("%s moved by %+.1f %%" % (name, (after / before - 1) * 100))
        elif max(before, after) / normal - 1 > SLOWNESS_ALLOWED:
            reasons.append("%s %+.1f %% off" % (name, (max(before, after) / normal - 1) * 100))
    return reasons


class Calibration:
    """The loops' figures so far, and what is usual: the lower quartile of the last few, since
    others make them slower and nothing makes them faster."""

    def __init__(self, measure, first=5):
        self._measure, self._seen = measure, []
        for _ in range(first):
            self.take()

    def take(self):
        self._seen.append(tuple(self._measure()))
        del self._seen[:-CALIBRATIONS_KEPT]
        return self._seen[-1]

    @property
    def last(self):
        return self._seen[-1]

    @property
    def usual(self):
        return tuple(sorted(column)[len(column) // 4] for column in zip(*self._seen))


def order(contestants, rounds):
    """(turn, contestant): there and back again, `rounds` times."""
    for number in range(rounds):
        for contestant in contestants:
            yield 2 * number, contestant
        for contestant in reversed(contestants):
            yield 2 * number + 1, contestant


def alternate(contestants, rounds, repeats, attempt_trial, say=lambda trial: None):
    """All trials, in the order in which they were made. `attempt_trial(contestant, turn, attempt)`
    makes one; one that does not count is repeated up to `repeats` times."""
    trials = []
    for turn, contestant in order(contestants, rounds):
        for attempt in range(repeats + 1):
            trial = attempt_trial(contestant, turn, attempt)
            trials.append(trial)
            say(trial)
            if trial.counts:
                break
    return trials


def values_of(trials, contestant, sessions, key):
    """({turn: value}, whether disturbed trials had to be taken in)."""
    own = [trial for trial in trials if trial.contestant == contestant
           and trial.sessions == sessions and key in trial.figures]
    clean = {trial.turn: trial.figures[key] for trial in own if trial.counts}
    everything = {trial.turn: trial.figures[key] for trial in own}
    if len(clean) >= min(FEWEST, len(everything)):
        return clean, False
    return {**everything, **clean}, True
