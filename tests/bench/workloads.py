"""Jobs for the benches: each function writes its data and its job file into a folder and returns the job file's path.

Everything comes from fixed seeds. `scale` multiplies the number of targets: 1 is what figures are quoted for, less is a smoke run.
"""
import json
import os
import random

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
START = 1_700_000_000


def job(folder, name, columns="value", **sections):
    spec = {"name": name, "data": {"files": ["data.csv"], "layout": "long", "target": "target", "values": columns.split(",")}}
    path = os.path.join(folder, f"{name}.yaml")
    with open(path, "w") as file:
        json.dump({**spec, **sections}, file)
    return path


def write_rows(folder, lengths, seed=1, name="t{:05d}".format):
    """One target per length: a season of 24 and noise."""
    rng = random.Random(seed)
    noise = [f"{10 + i % 24 + rng.random():.4f}" for i in range(4799)]
    with open(os.path.join(folder, "data.csv"), "w") as file:
        file.write("time,target,value\n")
        for target, length in enumerate(lengths):
            called = name(target)
            file.writelines(f"{START + i * 60},{called},{noise[(i + 7 * target) % 4799]}\n" for i in range(length))


def mixed_lengths(count, least, most, seed=2):
    """Spread evenly over magnitudes."""
    rng = random.Random(seed)
    return [int(least * (most / least) ** rng.random()) for _ in range(count)]


def uniform(folder, scale):
    """3,000 fits of 2 ms."""
    write_rows(folder, [20] * max(20, int(3000 * scale)))
    return job(folder, "uniform", models={"top": {"kind": "busy", "cpu_ms": 2}})


def mixed(folder, scale):
    """Series of 100 to 20,000 rows, fitted by seasonal with the season to be found."""
    write_rows(folder, mixed_lengths(max(20, int(600 * scale)), 100, 20000))
    return job(folder, "mixed", models={"top": {"kind": "seasonal", "season": "auto"}})


def mixed_constant(folder, scale):
    """Series of 20 to 2,000 rows whose fits all take 5 ms: rows say nothing of the cost."""
    write_rows(folder, mixed_lengths(max(20, int(1500 * scale)), 20, 2000))
    return job(folder, "mixed-constant", models={"top": {"kind": "busy", "cpu_ms": 5}})


def mixed_rules(folder, scale):
    """1,500 series of four sizes by a rule each, whose fits take time in proportion: 1, 4, 16 and 64 ms."""
    counts = [max(5, int(1500 * scale * part)) for part in (0.6, 0.3, 0.08, 0.02)]
    write_rows(folder, [20 * 4 ** size for size, count in enumerate(counts) for _ in range(count)],
               name=lambda i: f"s{sum(i >= sum(counts[:end]) for end in (1, 2, 3))}-{i}")
    return job(folder, "mixed-rules", models={"top": [{"match": f"s{size}-*", "kind": "busy", "cpu_ms": 4 ** size}
                                                      for size in range(4)]})


def skew(folder, scale):
    """300 fits of 40 ms of which 5 take 20 times as long, by a rule of their own."""
    write_rows(folder, [20] * max(20, int(300 * scale)))
    return job(folder, "skew", models={"top": [{"match": "t0000[0-4]", "kind": "busy", "cpu_ms": 800},
                                               {"match": "*", "kind": "busy", "cpu_ms": 40}]})


def late_kind(folder, scale):
    """Two models, half of the targets each, the one five times as slow as the other."""
    write_rows(folder, [20] * max(20, int(1000 * scale)))
    return job(folder, "late-kind", models={"top": [{"match": "*[02468]", "kind": "busy", "cpu_ms": 2},
                                                    {"match": "*", "kind": "busy", "cpu_ms": 10}]})


def cloudwatch(folder, scale):
    """The twelve series of examples/cloudwatch, two weeks at five minutes, a hundred times each."""
    source = os.path.join(ROOT, "examples", "data", "cloudwatch")
    with open(os.path.join(folder, "data.csv"), "w") as out:
        out.write("time,target,value\n")
        for name in sorted(name for name in os.listdir(source) if name.endswith(".csv")):
            with open(os.path.join(source, name)) as file:
                rows = [line.rstrip("\n").split(",") for line in file][1:]
            for copy in range(max(1, int(100 * scale))):
                out.writelines(f"{time},{name[:-4]}-{copy},{value}\n" for time, value in rows)
    return job(folder, "cloudwatch", prepare={"step": "5m", "max_gap": 12},
               models={"top": {"kind": "seasonal", "season": "1d"}, "fallback": {"kind": "ewma"}})


def boutique(folder, scale):
    """The ten services of examples/boutique forty times, ewma for each and pca of all."""
    with open(os.path.join(ROOT, "examples", "data", "boutique", "boutique.csv")) as file:
        rows = [line.rstrip("\n").split(",") for line in file][1:]
    with open(os.path.join(folder, "data.csv"), "w") as out:
        out.write("time,target,cpu_m,latency_p95_s\n")
        for copy in range(max(1, int(40 * scale))):
            out.writelines(f"{time},{pod}-{copy},{float(cpu) + (i * (copy + 3)) % 11 / 10:.5f},{latency}\n"
                           for i, (time, pod, cpu, latency) in enumerate(rows))
    return job(folder, "boutique", "cpu_m,latency_p95_s", prepare={"step": "1m"},
               models={"all": {"kind": "pca"}, "top": [{"match": "frontend*", "kind": "seasonal", "season": "auto"},
                                                       {"match": "*", "kind": "ewma", "alpha": 0.05}]})
