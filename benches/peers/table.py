"""From pairs of measurements to a table of ratios.

Reads lines of `work TAB unit TAB reach TAB ours TAB theirs` from stdin, one a pair, and prints markdown: for each work the
medians of both sides, the median of the ratios within the pairs, their lowest and highest, and what was aimed at.
`reach` is `<= 0.1` or `>= 20`, or empty; the ratio is always ours over theirs, as the work's name says.
"""

import statistics
import sys


def shown(value, unit):
    if unit == "ns":
        for limit, name in ((1e9, "s"), (1e6, "ms"), (1e3, "µs")):
            if value >= limit:
                return f"{value / limit:.3g} {name}"
        return f"{value:.0f} ns"
    if unit == "per_s":
        return f"{value:,.0f}/s"
    return f"{value:,.0f} {unit}".rstrip()


def reached(ratio, reach):
    if not reach:
        return ""
    operator, limit = reach.split()
    good = ratio <= float(limit) if operator == "<=" else ratio >= float(limit)
    return f"{reach} {'reached' if good else '**not reached**'}"


def main():
    works = {}
    for line in sys.stdin:
        work, unit, reach, ours, theirs = line.rstrip("\n").split("\t")
        works.setdefault((work, unit, reach), []).append((float(ours), float(theirs)))
    print("| work | rcache | peer | ratio, median | lowest to highest | pairs | aim |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | --- |")
    for (work, unit, reach), pairs in works.items():
        ratios = sorted(ours / theirs for ours, theirs in pairs)
        middle = statistics.median(ratios)
        ours, theirs = (statistics.median(side) for side in zip(*pairs))
        print(
            f"| {work} | {shown(ours, unit)} | {shown(theirs, unit)} | {middle:.3g} "
            f"| {ratios[0]:.3g} to {ratios[-1]:.3g} | {len(ratios)} | {reached(middle, reach)} |"
        )


if __name__ == "__main__":
    main()
