"""What a number of requests can tell about the share of them that is bad. Pure; the binomial distribution, summed exactly.

Sources: for the tails, W. Feller, "An Introduction to Probability Theory and Its Applications", volume 1, chapter VI; for
the smallest share that a count can be told from, C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits
illustrated in the case of the binomial", Biometrika 26 (1934); for several looks, Boole's inequality, which needs no look to
be independent of another.
"""

import math
from typing import Final

NEGLIGIBLE: Final = 1e-17  # of a sum: below what a float can hold of it
BISECTIONS: Final = 60  # halvings: more than a float has bits


def at_least(count: int, requests: int, ratio: float) -> float:
    """Probability that of so many requests at least `count` are bad, when each is with probability `ratio`."""
    if count <= 0:
        return 1.0
    if count > requests or ratio <= 0:
        return 0.0
    if ratio >= 1:
        return 1.0
    if count <= requests * ratio:  # the shorter tail is summed: its terms only fall
        return 1.0 - at_least(requests - count + 1, requests, 1 - ratio)
    term = math.exp(
        math.lgamma(requests + 1)
        - math.lgamma(count + 1)
        - math.lgamma(requests - count + 1)
        + count * math.log(ratio)
        + (requests - count) * math.log1p(-ratio)
    )
    total, odds = term, ratio / (1 - ratio)
    for bad in range(count, requests):
        term *= (requests - bad) / (bad + 1) * odds
        total += term
        if term <= total * NEGLIGIBLE:  # both 0 where the first was too small for a float
            break
    return min(total, 1.0)


def proving_count(requests: int, limit: float, chance: float) -> int:
    """The fewest bad requests that a release at its limit has with at most this probability: more than `requests` for none."""
    low, high = 0, requests + 1
    while low < high:
        middle = (low + high) // 2
        if at_least(middle, requests, limit) <= chance:
            high = middle
        else:
            low = middle + 1
    return low


def detected_ratio(count: int, requests: int, power: float) -> float:
    """The smallest share of bad requests with which at least `count` of them are bad with probability `power`."""
    low, high = 0.0, 1.0
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        if at_least(count, requests, middle) >= power:
            high = middle
        else:
            low = middle
    return high


def fewest_requests(limit: float, chance: float) -> int:
    """Requests that can prove anything against a release at its limit: all of them bad, with at most this probability."""
    requests = max(1, math.floor(math.log(chance) / math.log(limit)))
    while at_least(requests, requests, limit) > chance:  # what rounding leaves of a division that comes out even, too
        requests += 1
    return requests
