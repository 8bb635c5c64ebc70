"""What the measuring itself costs, from whole runs of `rcache bench` on servers that are running.

Usage: harness.py RCACHE FOLDER PAIRS
Prints figures as table.py reads them: work, unit, aim, ours, theirs.
"""

import json
import os
import pty
import resource
import signal
import subprocess
import sys
import threading
import time

# Reads of the short paths that take about a second.
READS = 50_000
WAIT_S = 2


def figure(work, unit, ours, theirs=""):
    print(work, unit, "", ours, theirs, sep="\t", flush=True)


def say(text):
    print(text, file=sys.stderr, flush=True)


class Terminal:
    """A terminal that somebody reads, since a program waits for one that nobody does."""

    def __init__(self):
        self.ours, self.theirs = pty.openpty()
        self.draws = 0
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        try:
            while data := os.read(self.ours, 65536):
                # The bar ends in what is still ahead; two draws seldom come in one piece.
                self.draws += "─".encode() in data
        except OSError:
            return

    def close(self):
        os.close(self.theirs)
        self.reader.join(5)
        os.close(self.ours)
        return self.draws


class Bench:
    """Runs of the benchmark, and what they used."""

    def __init__(self, rcache, folder):
        self.rcache, self.file = rcache, os.path.join(folder, "run.json")

    def command(self, *arguments):
        if os.path.exists(self.file):
            os.remove(self.file)
        return [self.rcache, "bench", *map(str, arguments), "--output", self.file]

    def result(self):
        with open(self.file) as file:
            run = json.load(file)
        paths = run["workloads"][0]["paths"]
        errors = sum(sum(path["errors"].values()) for path in paths)
        if errors or run["interrupted"]:
            raise SystemExit("a run of the benchmark is not whole")
        return run

    def run(self, *arguments, bar=False):
        command = self.command(*arguments)
        if not bar:
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            return self.result()
        terminal = Terminal()
        environment = dict(os.environ, TERM="xterm", COLUMNS="100")
        try:
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=terminal.theirs, env=environment)
        finally:
            draws = terminal.close()
        if draws < 3:
            raise SystemExit(f"the progress bar was drawn {draws} times only")
        return self.result()


def mean_ns(run):
    return run["workloads"][0]["paths"][0]["mean_ns"]


def timed_ns(run):
    return sum(path["mean_ns"] * path["operations"] for path in run["workloads"][0]["paths"])


def bars(bench, pairs):
    """Reads while the bar is drawn, and while there is none, in turn; and two without any, which is the noise."""
    runs = (
        ("`point` `warm`, 1 client", ("--workload", "point", "--path", "warm", "--iterations", READS)),
        ("`point` `warm`, 8 clients", ("--workload", "point", "--path", "warm", "--iterations", READS, "--clients", 8)),
        ("`all` `warm`, 1 client", ("--workload", "all", "--path", "warm", "--iterations", 3000)),
    )
    for name, arguments in runs:
        say(f"  progress bar: {name}")
        for pair in range(pairs):
            kinds, means = ["bar", "none", "again"], {}
            for turn in range(3):
                kind = kinds[(pair + turn) % 3]
                means[kind] = mean_ns(bench.run(*arguments, bar=kind == "bar"))
            figure(f"mean of {name}, progress bar drawn / none", "ns", means["bar"], means["none"])
            figure(f"mean of {name}, none / none (the noise)", "ns", means["again"], means["none"])


def rounds(bench, pairs):
    """The wall-clock time of more rounds, without the reads that are timed in them."""
    kinds = (("`warm`", "warm"), ("`mysql` and `warm`", "mysql,warm"), ("all three paths", "mysql,cold,warm"))
    for name, paths in kinds:
        say(f"  rounds of {name}")
        for _ in range(pairs // 4):
            few, many = (
                bench.run("--workload", "point", "--path", paths, "--iterations", reads, "--cores", "steady")
                for reads in (READS // 4, READS)
            )
            outside = [run["wall_s"] * 1e9 - timed_ns(run) for run in (few, many)]
            counts = [run["workloads"][0]["rounds"] for run in (few, many)]
            a_round = (outside[1] - outside[0]) / (counts[1] - counts[0])
            figure(f"a round of {name} (`point`, blocks of 50), outside the timed reads", "ns", a_round)


def spoken(count):
    return "1 client" if count == 1 else f"{count} clients"


def clients(bench, pairs):
    """Processor time of the whole program, a read, by the number of clients."""
    for _ in range(pairs // 4):
        for count in (1, 2, 8, 32, 64):
            name = spoken(count)
            say(f"  {name}")
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            run = bench.run("--workload", "point", "--path", "warm", "--iterations", READS, "--clients", count)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            used_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            path = run["workloads"][0]["paths"][0]
            figure(f"processor time of the whole program a read (`point` `warm`), {name}", "ns", used_s * 1e9 / path["operations"])
            figure(f"mean of `point` `warm`, {name}", "ns", path["mean_ns"])


def process_ns(pid):
    """Processor time of all threads of a process so far, from the kernel's account of each."""
    used = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat") as file:
            used += int(file.read().split()[0])
    return used


def redis_pid(rcache):
    status = json.loads(subprocess.check_output([rcache, "sandbox", "status", "--format", "json"]))
    return next(server["pid"] for server in status["sandbox"]["servers"] if server["flavor"] in ("Redis", "Valkey"))


def waiting(bench, pairs):
    """Processor time of clients that all wait: their Redis is held still for a while."""
    if not os.path.exists("/proc/self/schedstat"):
        return
    redis = redis_pid(bench.rcache)
    for _ in range(pairs // 4):
        for count in (1, 64):
            name = f"{spoken(count)} held up by Redis"
            say(f"  {name}")
            command = bench.command("--workload", "point", "--path", "warm", "--iterations", 10**7, "--clients", count)
            child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                time.sleep(2)
                os.kill(redis, signal.SIGSTOP)
                try:
                    time.sleep(0.5)
                    before = process_ns(child.pid)
                    time.sleep(WAIT_S)
                    used = process_ns(child.pid) - before
                finally:
                    os.kill(redis, signal.SIGCONT)
            finally:
                child.send_signal(signal.SIGINT)
                child.wait()
            figure(f"processor time a second of {name}", "ns", used / WAIT_S)


def main():
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    bench, pairs = Bench(*sys.argv[1:3]), max(4, int(sys.argv[3]))
    # Connections, caches and the buffer pool settle.
    bench.run("--workload", "point", "--path", "warm", "--iterations", 5000)
    bars(bench, pairs)
    rounds(bench, pairs)
    clients(bench, pairs)
    waiting(bench, pairs)


if __name__ == "__main__":
    main()
