"""Runs a program and says what it used: wall-clock time, ns, and resident memory at its highest, bytes.

Usage: used.py FILE PROGRAM [ARGUMENT...]
Writes both numbers to FILE; the program's output and its exit status stay its own.
"""

import os
import resource
import sys
import threading
import time

# Linux counts in kilobytes, macOS in bytes.
UNIT = 1 if sys.platform == "darwin" else 1024


class Watch(threading.Thread):
    """Looks at a child's highest resident memory until it is gone: the account that a child leaves behind includes the
    memory of its parent, as which it began, and says nothing of a child that needs less."""

    def __init__(self, child):
        super().__init__(daemon=True)
        self.path, self.highest = f"/proc/{child}/status", 0

    def run(self):
        try:
            while True:
                with open(self.path) as status:
                    lines = [line for line in status if line.startswith("VmHWM:")]
                if lines:
                    self.highest = int(lines[0].split()[1]) * 1024
                time.sleep(0.005)
        except OSError:
            return


def main():
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    floor = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter_ns()
    child = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
    watch = Watch(child)
    watch.start()
    _, status, usage = os.wait4(child, 0)
    wall_ns = time.perf_counter_ns() - start
    left_behind = usage.ru_maxrss
    # A little above the floor, since starting the child took memory too.
    highest = left_behind * UNIT if left_behind > 1.1 * floor or not watch.highest else watch.highest
    with open(sys.argv[1], "w") as file:
        print(wall_ns, highest, file=file)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main())
