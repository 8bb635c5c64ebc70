"""The figures of docs/traffic.md. Usage: figures.py RCACHE FOLDER [FIGURE...]; see scripts/traffic.

FOLDER holds the sandbox, whose servers run. Prints Markdown, and the load of the machine beside each figure.
"""

import json
import os
import random
import signal
import statistics
import subprocess
import sys
import threading
import time

RCACHE, FOLDER = sys.argv[1:3]
USED = os.path.join(os.path.dirname(__file__), "..", "peers", "used.py")


def rcache(*arguments):
    """Runs rcache, and returns its document."""
    command = [RCACHE, "--quiet", *arguments, "--format", "json"]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def used(*arguments):
    """Runs rcache, and returns its document, its wall-clock time in s and its memory in MiB."""
    file = os.path.join(FOLDER, "used")
    command = ["python3", "-S", USED, file, RCACHE, "--quiet", *arguments, "--format", "json"]
    document = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    wall_ns, memory = open(file).read().split()
    return document, int(wall_ns) / 1e9, int(memory) / 2**20


def traffic(*arguments):
    """The only strategy of such a traffic."""
    return rcache("traffic", *arguments)["strategies"][0]


def say(title):
    print(f"\n{title} (load average {os.getloadavg()[0]:.1f})\n", flush=True)


def row(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def head(*cells):
    row(*cells)
    row(*("---" for _ in cells))


def ms(ns):
    return f"{ns / 1e6:.2f} ms"


def stops():
    """A server that stops for D of every P s, λ operations a second of which it can do μ: the share T/P of the responses is
    spread evenly between 0 and D, with T = μD/(μ - λ)."""
    rate, every, stop, seconds = 1000, 5.0, 0.2, 60
    load = ["-s", "mysql", "--writes", "0%"]
    can_do = traffic(*load, "--duration", "5")["throughput_per_s"]
    usual = traffic(*load, "--rate", str(rate), "--duration", "10")["response"]["mean_ns"] / 1e9
    state = json.load(open(os.path.join(os.environ["RCACHE_SANDBOX_DIR"], "state.json")))
    server, stopped, is_over = state["mysql"]["identity"]["pid"], [], threading.Event()

    def stop_and_go():
        time.sleep(2.5)
        while not is_over.is_set():
            began = time.monotonic()
            os.kill(server, signal.SIGSTOP)
            time.sleep(stop)
            os.kill(server, signal.SIGCONT)
            stopped.append(time.monotonic() - began)
            is_over.wait(every - (time.monotonic() - began))

    thread = threading.Thread(target=stop_and_go)
    thread.start()
    seen = traffic(*load, "--rate", str(rate), "--duration", str(seconds))
    is_over.set()
    thread.join()
    # Those within the measured time.
    inside = stopped[: int(seconds / every)]
    lasted = statistics.mean(inside)
    affected = lasted / (1 - rate / can_do) * len(inside) / seconds
    say(f"MySQL stopped for {lasted * 1e3:.0f} ms every {every:.0f} s at {rate}/s; it can do {can_do:.0f}/s")
    head("response", "measured", "expected", "difference", "service")
    expected = {
        "mean": usual + affected * lasted / 2,
        "99": lasted * (1 - 0.01 / affected),
        "99.9": lasted * (1 - 0.001 / affected),
    }
    for name, seconds in expected.items():
        of = lambda times: times["mean_ns"] if name == "mean" else times["percentiles_ns"][name]
        response, service = of(seen["response"]), of(seen["service"])
        difference = f"{(response / 1e9 / seconds - 1) * 100:+.1f} %"
        row(name if name == "mean" else f"p{name}", ms(response), ms(seconds * 1e9), difference, ms(service))


def ratios():
    say("Hit ratio of `lease`, 10,000 keys, 3,000/s, 20 s")
    head("popularity", "writes", "ttl", "expected", "measured", "difference", "first 3 s")
    differences, firsts = [], []
    for popularity in ["uniform", "hotspot:10%:90%", "zipf:1"]:
        for writes in ["0%", "10%"]:
            for ttl in ["3", "60"]:
                load = ["--popularity", popularity, "--writes", writes, "--ttl", ttl, "--rate", "3000"]
                seen = traffic("-s", "lease", "--duration", "20", *load)
                expected, measured = seen["expected_hit_ratio"], seen["hit_ratio"]
                first = seen["seconds"][:3]
                hits = sum(second["hits"] for second in first)
                reads = hits + sum(second["loads"] for second in first)
                differences.append(abs(measured - expected) * 100)
                firsts.append((hits / reads - expected) * 100)
                points = lambda share: f"{(share - expected) * 100:+.2f}"
                row(popularity, writes, f"{ttl} s", f"{expected:.2%}", f"{measured:.2%}", points(measured), points(hits / reads))
    print(f"\nLargest difference {max(differences):.2f} points; first seconds {statistics.mean(firsts):+.2f} on average.")


def closed():
    pairs = 15
    say(f"One client, all hits: medians of the closed loop and of `bench -w point`, {pairs} pairs in turn")
    head("bench, warm", "traffic, hits", "bench / traffic")
    quotients = []
    for _ in range(pairs):
        bench = rcache("bench", "-w", "point", "--path", "warm,mysql", "--time", "1s")
        warm = next(path for path in bench["workloads"][0]["paths"] if path["path"] == "warm")
        load = ["-w", "point", "-s", "lease", "-c", "1", "--keys", "1000", "--popularity", "uniform", "--ttl", "1000m"]
        hits = traffic(*load, "--duration", "1")
        assert hits["hit_ratio"] > 0.999
        medians = [times["percentiles_ns"]["50"] for times in [warm, hits["service"]]]
        quotients.append(medians[0] / medians[1])
        row(*(f"{ns / 1e3:.2f} µs" for ns in medians), f"{quotients[-1]:.3f}")
    print(f"\nMedian {statistics.median(quotients):.3f}.")


def late():
    for strategy in ["mysql", "lease"]:
        can_do = traffic("-s", strategy, "--duration", "5")["throughput_per_s"]
        load = ["--rate", str(int(can_do / 2)), "--duration", "10"]
        document = rcache("traffic", "-s", strategy, *load)
        waking = document["strategies"][0]["waking"]
        times = waking["percentiles_ns"]
        awake = "awake" if document["config"]["cores_awake"] else "may sleep"
        say(f"`{strategy}` at half load, {can_do / 2:.0f}/s, cores {awake}")
        print(f"woken late: p50 {times['50'] / 1e3:.0f} µs, p99 {times['99'] / 1e3:.0f} µs")


def overload():
    load = ["-s", "mysql", "--duration", "10"]
    can_do = traffic(*load)["throughput_per_s"]
    say(f"Five times what can be done ({can_do:.0f}/s)")
    head("offered", "wall", "memory", "offered in all", "done", "failed", "given up")
    for factor in [0.5, 5]:
        document, wall, memory = used("traffic", *load, "--rate", str(int(can_do * factor)))
        seen = document["strategies"][0]
        failed = sum(seen["errors"].values())
        assert seen["offered"] == seen["done"] + failed + seen["given_up"]
        counts = [seen["offered"], seen["done"], failed, seen["given_up"]]
        row(f"{can_do * factor:.0f}/s", f"{wall:.1f} s", f"{memory:.0f} MiB", *(f"{count:,}" for count in counts))


def find():
    runs = 5
    say(f"`--find 'p99 < 5ms'`, {2 * runs} pairs of searches")
    head("strategy", "first", "second", "quotient")
    rates = {"mysql": [], "lease": []}
    for _ in range(2 * runs):
        document = rcache("traffic", "--find", "p99 < 5ms")
        for strategy in document["strategies"]:
            rates[strategy["strategy"]].append(strategy["max_rate"]["per_s"])
        print(f"<!-- {document['wall_s']:.0f} s, load {os.getloadavg()[0]:.1f} -->", flush=True)
    close = 0
    for strategy, found in rates.items():
        for one, other in zip(found[::2], found[1::2]):
            close += max(one, other) / min(one, other) <= 1.1
            row(strategy, f"{one:,.0f}/s", f"{other:,.0f}/s", f"{max(one, other) / min(one, other):.3f}")
    print(f"\n{close} of {2 * runs} pairs within 10 %.")


def size():
    run = os.path.join(os.path.dirname(__file__), "..", "..", "tests", "runs", "format-1.json")
    trace = os.path.join(FOLDER, "trace.csv")
    lines, keys = 10_000_000, 2_000_000
    with open(trace, "w") as file:
        for start in range(0, lines, 1_000_000):
            # The key of rank k^-1: a Pareto law, whose tail is Zipf's.
            ranks = (int(keys ** random.random()) for _ in range(1_000_000))
            file.writelines(f"{(start + i) / 1e4:.4f},key:{rank}\n" for i, rank in enumerate(ranks))
    say(f"`size` on {lines:,} lines")
    head("arguments", "wall", "memory", "keys", "exact")
    for more in [[], ["--hit-ratio", "80%"], ["--ttl", "100"]]:
        document, wall, memory = used("size", run, "--trace", trace, *more)
        is_exact = document["load"]["trace"]["exact"]
        row(" ".join(more), f"{wall:.1f} s", f"{memory:.0f} MiB", f"{document['workload']['keys']:,.0f}", is_exact)


FIGURES = {f.__name__: f for f in [stops, ratios, closed, late, overload, find, size]}

if __name__ == "__main__":
    rcache("seed")
    for name in sys.argv[3:] or FIGURES:
        FIGURES[name]()
