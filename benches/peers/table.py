"""From pairs of measurements to a table of ratios, and from single figures to one of figures.

Reads lines of `work TAB unit TAB aim TAB ours TAB theirs` from stdin, one a pair, and prints markdown: for each work the
medians of both sides, the median of the ratios within the pairs, their lowest and highest, and what was aimed at. The
ratio is ours over theirs.

`aim` is `<= 0.1` or `>= 1`, or empty. An aim of `inverse >= 20` turns the ratio around: theirs over ours. With an empty
`theirs` there is no ratio, and the aim, in the same unit, is held against the median of ours: `<= 5000000`.
"""

import statistics
import sys


def shown(value, unit):
    if unit == "ns":
        for limit, name in ((1e9, "s"), (1e6, "ms"), (1e3, "µs")):
            if value >= limit:
                return f"{value / limit:.3g} {name}"
        return f"{value:.3g} ns"
    if unit == "per_s":
        return f"{value:,.0f}/s"
    if unit == "bytes":
        for limit, name in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
            if value >= limit:
                return f"{value / limit:.3g} {name}"
        return f"{value:.0f} B"
    return f"{value:,.0f} {unit}".rstrip()


def reached(value, aim, said):
    if not aim:
        return ""
    operator, limit = aim.split()
    good = value <= float(limit) if operator == "<=" else value >= float(limit)
    return f"{operator} {said(float(limit))}: {'reached' if good else '**not reached**'}"


def row(work, unit, aim, pairs):
    ours = [float(ours) for ours, _ in pairs]
    if any(theirs == "" for _, theirs in pairs):
        middle, peer, said = statistics.median(ours), "", lambda value: shown(value, unit)
        low, high, ratio = shown(min(ours), unit), shown(max(ours), unit), ""
    else:
        theirs = [float(theirs) for _, theirs in pairs]
        inverse = aim.startswith("inverse ")
        aim = aim.removeprefix("inverse ")
        ratios = [b / a if inverse else a / b for a, b in zip(ours, theirs)]
        middle, peer, said = statistics.median(ratios), shown(statistics.median(theirs), unit), lambda value: f"{value:g}"
        low, high, ratio = f"{min(ratios):.3g}", f"{max(ratios):.3g}", f"{middle:.3g}"
    spread = f"{low} to {high}" if len(pairs) > 1 else ""
    cells = [work, shown(statistics.median(ours), unit), peer, ratio, spread, str(len(pairs)), reached(middle, aim, said)]
    return f"| {' | '.join(cells)} |"


def main():
    works = {}
    for line in sys.stdin:
        work, unit, aim, ours, theirs = line.rstrip("\n").split("\t")
        works.setdefault((work, unit, aim), []).append((ours, theirs))
    print("| work | rcache | peer | ratio, median | lowest to highest | pairs | aim |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | --- |")
    for (work, unit, aim), pairs in works.items():
        print(row(work, unit, aim, pairs))


if __name__ == "__main__":
    main()
