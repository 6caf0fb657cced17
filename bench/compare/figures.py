"""Medians, their 95 % intervals, and ratios of what was measured in turns. Pure."""
import dataclasses
import math


@dataclasses.dataclass(frozen=True)
class Figure:
    """A median, and the interval that holds the true one with 95 %."""
    value: float
    low: float
    high: float
    count: int

    def spread(self):
        """Half the interval as a share of the median."""
        return (self.high - self.low) / 2 / abs(self.value) if self.value else self.high - self.low


def figure_of(values):
    """By ranks n/2 +- 0.98 sqrt(n), rounded outwards: no shape of the distribution is assumed.
    Fewer than six values have no such interval; theirs is the lowest and the highest."""
    ordered = sorted(values)
    count = len(ordered)
    if not count:
        return None
    middle = count // 2
    value = ordered[middle] if count % 2 else (ordered[middle - 1] + ordered[middle]) / 2
    half = 0.98 * math.sqrt(count)
    low = max(0, math.floor(count / 2 - half))
    high = min(count - 1, math.ceil(count / 2 + half))
    return Figure(value, ordered[low], ordered[high], count)


def paired(first, second, combine):
    """`combine` of what both have for the same turn: dicts of values by turn."""
    return [combine(first[turn], second[turn]) for turn in sorted(first) if turn in second]


def ratio_of(above, below):
    """The figure of above / below, turn by turn; None where no turn has both."""
    return figure_of(paired(above, below, lambda a, b: a / b))


def difference(total, io):
    """total - io by turn: a dict as both are."""
    return {turn: total[turn] - io[turn] for turn in total if turn in io}
