"""Minimisation of few constants without derivatives. Deterministic."""

import math


def minimise(loss, ranges, rounds=10):
    """The values within `ranges`, [(start, low, high)], all above zero, of the least loss found, and
    that loss. Nelder and Mead (1965) in the logarithms, started again from its own end."""
    lows = [math.log(low) for _, low, _ in ranges]
    highs = [math.log(high) for _, _, high in ranges]

    def at(point):
        return loss([math.exp(min(max(x, lo), hi)) for x, lo, hi in zip(point, lows, highs)])

    best = [math.log(start) for start, _, _ in ranges]
    for again in range(rounds):
        best = _simplex(at, best, 0.5 / (1 + again) * (-1) ** again)
    values = [math.exp(min(max(x, lo), hi)) for x, lo, hi in zip(best, lows, highs)]
    return values, loss(values)


def _simplex(loss, start, size, evaluations=1500, tolerance=1e-7):
    n = len(start)
    points = [list(start)] + [[x + (size if i == j else 0) for j, x in enumerate(start)]
                              for i in range(n)]
    simplex = sorted(((loss(p), p) for p in points), key=lambda each: each[0])
    used = n + 1
    while used < evaluations and simplex[-1][0] - simplex[0][0] > tolerance:
        middle = [sum(p[j] for _, p in simplex[:-1]) / n for j in range(n)]
        worst = simplex[-1][1]

        def along(factor):
            point = [m + factor * (m - w) for m, w in zip(middle, worst)]
            return loss(point), point

        step = along(1.0)
        used += 1
        if step[0] < simplex[0][0]:
            further = along(2.0)
            used += 1
            step = min(step, further, key=lambda each: each[0])
        elif step[0] >= simplex[-2][0]:
            step = along(0.5 if step[0] < simplex[-1][0] else -0.5)
            used += 1
        if step[0] < simplex[-1][0]:
            simplex[-1] = step
        else:
            first = simplex[0][1]
            moved = [[(a + b) / 2 for a, b in zip(first, p)] for _, p in simplex[1:]]
            simplex[1:] = [(loss(p), p) for p in moved]
            used += n
        simplex.sort(key=lambda each: each[0])
    return simplex[0][1]
