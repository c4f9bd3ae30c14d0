"""Ratios between the costs of subjects that were measured in the same rounds: what a machine's mood does to one round, it does to
all subjects in it."""

import statistics

MAX_RANGE = 0.03  # of a ratio: how far apart the ends of its range may be, as a part of it, for it to count as settled


def median_range(values):
    """The median, and the order statistics around it that hold the true one with 95% confidence (sign test)."""
    values, half = sorted(values), 0.98 * len(values) ** 0.5
    middle = (len(values) - 1) / 2
    return statistics.median(values), values[max(0, int(middle - half))], values[min(len(values) - 1, int(middle + half + 1))]


class Ratio:
    """The median of the rounds' ratios, their quartiles, and the range that holds the true median with 95% confidence."""

    def __init__(self, values):
        self.median, self.low, self.high = median_range(values)
        self.quartiles = statistics.quantiles(values, n=4)[::2] if len(values) > 1 else [self.median] * 2

    @property
    def settled(self):
        return self.high - self.low <= MAX_RANGE * self.median

    def __str__(self):
        return f"{self.median:.2f} ({self.quartiles[0]:.2f}-{self.quartiles[1]:.2f}){' ' if self.settled else '?'}"

    def told(self):
        """For a line of JSON."""
        return [round(value, 3) for value in (self.median, *self.quartiles)]


def costs(runs, name):
    return [run["cpu_us_per_req"] for run in runs[name]]


def ratio_to_best(runs, name, others):
    """Of the subject's cost to the best of `others` in the same round; None where none of them ran."""
    best = [min(round_) for round_ in zip(*(costs(runs, other) for other in others if other in runs and other != name))]
    return Ratio([cost / least for cost, least in zip(costs(runs, name), best)]) if best else None


def settled(runs, others):
    """Whether the ratios of Portcullis to the best of each group in `others` are."""
    ratios = [ratio_to_best(runs, name, group) for name in runs if name.startswith("portcullis") for group in others]
    return all(ratio is None or ratio.settled for ratio in ratios)
