"""The experiments of scripts/noise, which starts this program and the servers."""

import argparse
import contextlib
import itertools
import json
import math
import os
import pathlib
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

US = 1e-3  # of a nanosecond
# What an exchange with each server takes if servers are far: µs, its own time included.
REDIS_US, MYSQL_US = 4000, 8000
FAR = [f"redis-takes={REDIS_US}", f"mysql-takes={MYSQL_US}"]
# Laws of the delays in the experiment `coverage`, as the proxy names them.
LAWS = {
    "constant": "constant",
    "exponential": "exponential",
    "autocorrelated (20 ms)": "correlated-20",
    "drifting (250 ms)": "correlated-250",
    "stalling": "stalls",
}
RUNS = 5


class Lab:
    """The servers, the programs, and where results are kept."""

    def __init__(self, options):
        self.options = options
        self.folder = pathlib.Path(options.folder)
        self.keep = pathlib.Path(options.keep) if options.keep else self.folder / "runs"
        self.keep.mkdir(parents=True, exist_ok=True)
        self.rcache = pathlib.Path(options.build) / "rcache"
        self.proxy = pathlib.Path(options.build) / "delaying_proxy"
        status = json.loads(self._run(["sandbox", "status", "--format", "json"]))["sandbox"]
        self.mysql, self.redis = [server["address"] for server in status["servers"][:2]]
        sandbox = self.folder / "sandbox"
        lines = (sandbox / "client.cnf").read_text().splitlines()
        self.mysql_password = next(line.split("=", 1)[1] for line in lines if line.startswith("password="))
        self.redis_password = (sandbox / "redis.password").read_text().strip()

    def _run(self, arguments, accepted=(0,), **environment):
        command = [str(self.rcache), "--quiet", *arguments]
        done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True)
        if done.returncode not in accepted:
            sys.exit(f"{' '.join(arguments)} ended with {done.returncode}:\n{done.stderr}")
        return done.stdout

    @contextlib.contextmanager
    def servers(self, rules):
        """The environment that leads rcache through a proxy with these rules."""
        seed = f"seed={random.getrandbits(63)}"
        proxy = subprocess.Popen(
            [str(self.proxy), self.redis, self.mysql, seed, *rules],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        try:
            redis, mysql = proxy.stdout.readline().split()
            yield {
                "RCACHE_REDIS_URL": f"redis://:{self.redis_password}@127.0.0.1:{redis}/0",
                "RCACHE_MYSQL_URL": f"mysql://rcache:{self.mysql_password}@127.0.0.1:{mysql}/rcache",
            }
        finally:
            proxy.stdin.close()
            proxy.wait()

    def bench(self, name, rules, *arguments, workload="point", time=None):
        """A bench behind a proxy, as its document; `name` names its file."""
        time = time or self.options.time
        with self.servers(rules) as urls:
            self._run(
                ["bench", "--time", time, "--workload", workload, "--namespace", f"noise-{name}",
                 "--rng-seed", str(random.getrandbits(48)), "--output", str(self.file(name)), *arguments],
                **urls,
            )
        return json.loads(self.file(name).read_text())

    def file(self, name):
        return self.keep / f"{name}.json"

    def compare(self, baseline, candidate):
        out = self._run(
            ["compare", str(self.file(baseline)), str(self.file(candidate)), "--fail-on-regression=10",
             "--format", "json"],
            accepted=(0, 3, 4),
        )
        return json.loads(out)

    def in_parallel(self, work, items):
        with ThreadPoolExecutor(max_workers=self.options.jobs) as pool:
            return list(pool.map(work, items))


def say(*parts):
    print(*parts, flush=True)


def path_of(workload, name):
    return next((path for path in workload["paths"] if path["path"] == name), None)


def lies_in(value, interval):
    return None not in (value, interval) and interval[0] <= value <= interval[1]


def load():
    return "load average " + " ".join(f"{number:.1f}" for number in os.getloadavg())


# --- coverage: how often intervals contain the truth


def figures(workload):
    """Name, value and interval of what is checked; None for an interval that is withheld."""
    for name in ["mysql", "cold", "warm"]:
        path = path_of(workload, name)
        yield f"{name} mean", path["mean_ns"], path["mean_ci95_ns"]
    for name in ["speedup", "miss_penalty"]:
        ratio = workload[name]
        yield name, ratio and ratio["ratio"], ratio and ratio["ci95"]
    ratio = workload["break_even_hit_ratio"]
    yield "break-even", ratio and ratio["value"], ratio and ratio["ci95"]


def truth(runs):
    """What all runs of a law measured on average."""
    means = {}
    for name in ["mysql", "cold", "warm"]:
        means[name] = math.fsum(path_of(run, name)["mean_ns"] for run in runs) / len(runs)
    mysql, cold, warm = means["mysql"], means["cold"], means["warm"]
    return {
        "mysql mean": mysql, "cold mean": cold, "warm mean": warm, "speedup": mysql / warm,
        "miss_penalty": cold / mysql, "break-even": (cold - mysql) / (cold - warm),
    }


def covered(workloads, true):
    counts = {}
    for workload in workloads:
        for name, _, interval in figures(workload):
            inside, given = counts.get(name, (0, 0))
            counts[name] = (inside + lies_in(true[name], interval), given + (interval is not None))
    return counts


def coverage(lab):
    """Of single runs and of five runs together: the mean of each path, speedup, miss penalty, break-even."""
    files = math.ceil(lab.options.count / RUNS)
    laws = {name: law for name, law in LAWS.items() if not lab.options.only or law in lab.options.only.split(",")}

    def measure(item):
        law, index = item
        rules = [f"redis-takes={REDIS_US}:{law}", f"mysql-takes={MYSQL_US}:{law}"]
        return lab.bench(f"coverage-{law}-{index}", rules, "--runs", str(RUNS))

    for name, law in laws.items():
        documents = lab.in_parallel(measure, [(law, index) for index in range(files)])
        pooled = [document["workloads"][0] for document in documents]
        single = [part["workloads"][0] for document in documents for part in document["runs"]]
        true = truth(single)
        injected = {"mysql mean": MYSQL_US, "cold mean": MYSQL_US + REDIS_US, "warm mean": REDIS_US}
        extra = ", ".join(f"{path} {true[path] * US - us:+.0f}" for path, us in injected.items())
        say(f"{name}: {load()}; beyond the injected mean, µs: {extra}")
        of_single, of_pooled = covered(single, true), covered(pooled, true)
        for figure in true:
            found = [next(own for own in figures(one) if own[0] == figure) for one in pooled]
            following = [
                lies_in(value, interval)
                for (_, _, interval), (_, value, _) in zip(found, found[1:])
                if None not in (value, interval)
            ]
            inside, given = of_single[figure]
            all_inside, all_given = of_pooled[figure]
            say(
                f"{name:24} {figure:13} single runs {inside:3} of {given:3} = "
                f"{100 * inside / max(given, 1):.0f} % ({len(single) - given} withheld); "
                f"{RUNS} runs {all_inside} of {all_given}; contains the next {sum(following)} of {len(following)}"
            )


# --- gate: what compare says of pairs


def scenario_rules(scenario, baseline, near):
    """The rules of the baseline and of the candidate."""
    base = [] if near else FAR
    typical = {}
    for name in ["mysql", "cold", "warm"]:
        path = path_of(baseline["workloads"][0], name)
        typical[name] = (path["typical_ns"] or path["mean_ns"]) * US
    slower_query = [*base, f"query={typical['mysql'] / 3}"]
    return {
        "same": (base, base),
        "hits": (base, [*base, f"hit={typical['warm'] * 0.15}"]),
        "misses": (base, [*base, f"script={typical['cold'] * 0.5}"]),
        "tail": (base, [*base, f"hit={typical['warm'] * 49}@2"]),
        # From a third slower to as it is: a quarter faster.
        "mysql-faster": (slower_query, base),
        "mysql-slower": (base, [*base, f"query={typical['mysql'] * 0.5}"]),
    }[scenario]


SCENARIOS = {
    "same": "the same build twice",
    "hits": "hits 15 % slower",
    "misses": "misses 50 % slower",
    "tail": "2 % of hits 50 times as slow",
    "mysql-faster": "MySQL 25 % faster",
    "mysql-slower": "MySQL 50 % slower",
}


def gate(lab):
    """Pairs of benches of one build; the candidate's cache or MySQL is slower by what the scenario says."""
    options = lab.options
    where = "near" if options.near else "far"
    runs = ["--runs", str(RUNS)]
    scenarios = [name for name in SCENARIOS if not options.only or name in options.only.split(",")]

    def pair(number):
        baseline = f"{where}-{number}-baseline"
        of_baseline = lab.bench(baseline, [] if options.near else FAR, *runs)
        results = []
        for scenario in scenarios:
            before, after = scenario_rules(scenario, of_baseline, options.near)
            names = [baseline, f"{where}-{number}-{scenario}"]
            if scenario == "mysql-faster":
                lab.bench(names[1], before, *runs)
                names.reverse()
            else:
                lab.bench(names[1], after, *runs)
            results.append((scenario, names, lab.compare(*names)))
        return results

    say(f"{where}, {options.count} pairs of {RUNS} runs of {options.time}; {load()}")
    pairs = list(itertools.chain(*lab.in_parallel(pair, range(options.count))))
    report_pairs(lab, pairs, scenarios)
    say(load())


def report_pairs(lab, pairs, scenarios):
    for scenario in scenarios:
        compared = [comparison for name, _, comparison in pairs if name == scenario]
        count = len(compared)

        def verdicts(path, figure=None):
            found = {}
            for comparison in compared:
                own = path_of(comparison["workloads"][0], path)
                if figure:
                    own = next(one for one in own["figures"] if one["figure"] == figure)
                found[own["verdict"]] = found.get(own["verdict"], 0) + 1
            return ", ".join(f"{verdict} {number}" for verdict, number in sorted(found.items()))

        gates = {}
        for comparison in compared:
            gates[comparison["gate"]] = gates.get(comparison["gate"], 0) + 1
        listed = ", ".join(f"{result} {number}" for result, number in sorted(gates.items()))
        say(f"{SCENARIOS[scenario]}: gate of {count}: {listed}")
        for path in ["warm", "cold"]:
            parts = [f"{figure} {verdicts(path, figure)}" for figure in ["typical", "mean", "p99"]]
            say(f"    {path}: {verdicts(path)} ({'; '.join(parts)})")
    same = [names for name, names, _ in pairs if name == "same"]
    if same:
        report_next(lab, same)


def report_next(lab, pairs):
    """How often the interval of one bench contains what the next one measured."""
    counts = {}
    for names in pairs:
        one, other = [json.loads(lab.file(name).read_text())["workloads"][0] for name in names]
        for (name, _, interval), (_, value, _) in zip(figures(one), figures(other)):
            inside, given = counts.get(name, (0, 0))
            is_given = interval is not None and value is not None
            counts[name] = (inside + (is_given and lies_in(value, interval)), given + is_given)
    listed = ", ".join(f"{name} {inside} of {given}" for name, (inside, given) in counts.items())
    say(f"the interval contains the next bench's value: {listed}")


# --- clients: Little's law


def clients(lab):
    """rate * mean latency / clients, for each workload from 1 to 64 clients; `--near` without delays."""
    rules = [] if lab.options.near else [f"redis={REDIS_US}:exponential", f"mysql={MYSQL_US}:exponential"]
    for workload in ["point", "page", "aggregate", "all"]:
        ratios, at_work = {}, {}
        for count in [1, 2, 4, 8, 16, 32, 64]:
            document = lab.bench(f"clients-{workload}-{count}", rules, "--clients", str(count), workload=workload)
            for path in document["workloads"][0]["paths"]:
                case = f"{path['path']} with {count}"
                ratios[case] = path["throughput_per_s"] * path["mean_ns"] / 1e9 / count
                at_work[case] = path["clients_at_work"] / count
        least, most, idle = min(ratios, key=ratios.get), max(ratios, key=ratios.get), min(at_work, key=at_work.get)
        say(
            f"{workload:9} rate * mean / clients {ratios[least]:.3f} ({least}) to {ratios[most]:.3f} ({most}); "
            f"clients at work at least {100 * at_work[idle]:.0f} % ({idle}); {load()}"
        )


# --- distance: computed and measured


def distance(lab):
    """Results computed for 0.5 ms more on each round trip, and measured through a proxy that adds them."""
    extra_us = 500
    runs = ["--runs", str(RUNS)]

    def pair(number):
        near = lab.bench(f"distance-{number}-near", [], "--distance", f"{extra_us / 1e3}ms", *runs)
        far = lab.bench(f"distance-{number}-far", [f"redis={extra_us}", f"mysql={extra_us}"], *runs)
        return near["workloads"][0], far["workloads"][0]

    pairs = lab.in_parallel(pair, range(lab.options.count))
    for name, field in [("speedup", "ratio"), ("miss_penalty", "ratio"), ("break_even_hit_ratio", "value")]:
        inside = overlap = given = 0
        offs = []
        for near, far in pairs:
            computed, measured = near["at_distance"][name], far[name]
            if computed is None or measured is None:
                continue
            given += 1
            inside += lies_in(measured[field], computed["ci95"])
            overlap += computed["ci95"][0] <= measured["ci95"][1] and measured["ci95"][0] <= computed["ci95"][1]
            offs.append(computed[field] / measured[field] - 1)
        bias = sum(offs) / max(len(offs), 1)
        say(
            f"{name}: the measured value lies in the computed interval {inside} of {given}, intervals overlap {overlap}; "
            f"computed / measured - 1 on average {100 * bias:+.1f} %; {load()}"
        )


EXPERIMENTS = {
    "coverage": (coverage, 100, "5s"),
    "gate": (gate, 20, "1s"),
    "clients": (clients, 1, "2s"),
    "distance": (distance, 20, "1s"),
}


def main():
    parser = argparse.ArgumentParser(
        prog="scripts/noise",
        description="Injects known delays between rcache and its servers, and compares what it reports with them.",
        epilog="Experiments: "
        + "; ".join(f"{name}: {function.__doc__.strip()}" for name, (function, *_) in EXPERIMENTS.items()),
    )
    parser.add_argument("experiment", choices=EXPERIMENTS)
    parser.add_argument("count", nargs="?", type=int, help="runs of each law, or pairs")
    parser.add_argument("--time", help="how long each run measures")
    parser.add_argument("--jobs", type=int, default=1, help="benches at the same time; more than 1 disturb each other")
    parser.add_argument("--near", action="store_true", help="servers on the loopback without a base delay")
    parser.add_argument("--only", help="scenarios of `gate`, or laws of `coverage` as the proxy names them, with commas between")
    parser.add_argument("--keep", help="a folder in which the run files stay")
    parser.add_argument("--check", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--build", help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    options = parser.parse_args()
    function, count, time = EXPERIMENTS[options.experiment]
    options.count = options.count or count
    options.time = options.time or time
    if options.count < 1 or options.jobs < 1:
        parser.error("COUNT and --jobs are 1 or more")
    if not options.check:
        function(Lab(options))


if __name__ == "__main__":
    main()
