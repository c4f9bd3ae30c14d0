"""Ratios between the costs of subjects that were measured in the same rounds: a disturbance of the machine in one round affects
all subjects of the round."""

import statistics

MAX_RANGE = 0.03  # a ratio is settled when the relative width of its range is at most this


def median_range(values):
    """The median, and the order statistics around it that contain the true median with 95% confidence (sign test)."""
    values, half = sorted(values), 0.98 * len(values) ** 0.5
    middle = (len(values) - 1) / 2
    return statistics.median(values), values[max(0, int(middle - half))], values[min(len(values) - 1, int(middle + half + 1))]


class Ratio:
    """The median of the rounds' ratios, their quartiles, and the range that contains the true median with 95% confidence."""

    def __init__(self, values):
        self.median, self.low, self.high = median_range(values)
        self.quartiles = statistics.quantiles(values, n=4)[::2] if len(values) > 1 else [self.median] * 2

    @property
    def settled(self):
        return self.high - self.low <= MAX_RANGE * self.median

    def __str__(self):
        return f"{self.median:.2f} ({self.quartiles[0]:.2f}-{self.quartiles[1]:.2f}){' ' if self.settled else '?'}"

    def in_words(self):
        return f"{self.median:.2f} ({self.quartiles[0]:.2f} to {self.quartiles[1]:.2f})"

    def told(self):
        """The values for a line of JSON."""
        return [round(value, 3) for value in (self.median, *self.quartiles)]


def costs(runs, name):
    return [run["cpu_us_per_req"] for run in runs[name]]


def ratio_to_best(runs, name, others):
    """The ratio of the subject's cost to the lowest cost of `others` in the same round; None when none of `others` ran."""
    best = [min(round_) for round_ in zip(*(costs(runs, other) for other in others if other in runs and other != name))]
    return Ratio([cost / least for cost, least in zip(costs(runs, name), best)]) if best else None


def settled(runs, wanted):
    """Whether the ratios of `wanted` are settled, which are pairs of a subject and the subjects that it is compared with."""
    ratios = [ratio_to_best(runs, name, others) for name, others in wanted if name in runs]
    return all(ratio is None or ratio.settled for ratio in ratios)
