"""From figures of several sizes to a table of how they grow.

Reads lines of `users TAB work TAB unit TAB value` from stdin and prints markdown: a row for each work, a column for each
number of users, and by what factor the work grew over the last tenfold of users, in words.
"""

import math
import sys

from table import shown


def grows(small, large, times):
    """How a value grew while the users grew so many times."""
    if small <= 0 or large <= 0:
        return "n/a"
    exponent = math.log(large / small) / math.log(times)
    # Halfway, in the exponent, between not at all, with the square root, and with the users.
    if exponent < 0.15:
        words = "not with the users"
    elif exponent < 0.8:
        words = "slower than the users"
    elif exponent <= 1.2:
        words = "with the users"
    else:
        words = "**faster than the users**"
    return f"× {large / small:.3g} for × {times:g}: {words}"


def main():
    works, sizes = {}, []
    for line in sys.stdin:
        users, work, unit, value = line.rstrip("\n").split("\t")
        users = int(users)
        if users not in sizes:
            sizes.append(users)
        works.setdefault((work, unit), {})[users] = float(value)
    heads = "".join(f" {users:,} users |" for users in sizes)
    print(f"| work |{heads} at the end it grows |")
    print(f"| --- |{' ---: |' * len(sizes)} --- |")
    for (work, unit), values in works.items():
        cells = [shown(values[users], unit) if users in values else "" for users in sizes]
        growth = "n/a"
        if len(values) > 1:
            before, last = sorted(values)[-2:]
            growth = grows(values[before], values[last], last / before)
        print(f"| {work} | {' | '.join(cells)} | {growth} |")


if __name__ == "__main__":
    main()
