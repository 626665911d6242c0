#!/usr/bin/env python3
"""The forecasting kinds beside their references on M4 hourly and weekly, on one core: one table.

    taskset -c 0 python3 tests/bench/models/peers.py FIT_SERIES M4_DIRECTORY [--all]

FIT_SERIES: the built program (build/bin/fit_series). Peers are those that can be imported (statsforecast, statsmodels);
their first call, which compiles and warms up, is not counted. Slow peers get every tenth hourly and every third weekly
series, --all: all of them. Times are CPU time per series. Columns:

    ms, peer ms, ratio
    equal      ets: share of series whose log-likelihood is not worse by more than 1e-3 relative; holt_winters: the same of
               the SSE; theta: share of series whose forecasts are within 1e-4 relative
    OWA        of fitfleet and of the peer on the same series, against Naive2 of reference_scores.json (all series)
"""
import collections
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"
warnings.filterwarnings("ignore")
import numpy as np  # noqa: E402

SETS = {"hourly": (24, 48, 10), "weekly": (1, 13, 3)}


def load(path):
    series = collections.OrderedDict()
    with open(path) as lines:
        for row in csv.DictReader(lines):
            series.setdefault(row["target"], []).append(float(row["value"]))
    return {name: np.array(values) for name, values in series.items()}


def run_own(program, kind, options, series, horizon):
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        file.write("target,index,value\n")
        for name, y in series.items():
            file.writelines(f"{name},{i},{v!r}\n" for i, v in enumerate(y.tolist()))
        file.flush()
        lines = subprocess.run([program, kind, file.name, f"horizon={horizon}", *options], check=True,
                               capture_output=True, text=True).stdout.splitlines()
    found = {}
    for line in lines:
        name, ms, value, _, *forecast = line.split()
        found[name] = float(ms), float(value), [float(f.split(":")[0]) for f in forecast]
    return found


def run_peer(fit, series):
    fit(next(iter(series.values())))
    found = {}
    for name, y in series.items():
        start = time.process_time()
        value, forecast = fit(y)
        found[name] = (time.process_time() - start) * 1e3, value, list(forecast)
    return found


def owa(found, train, test, m, naive2):
    smape, mase = [], []
    for name, (_, _, forecast) in found.items():
        a, y = test[name], train[name]
        f = np.array(forecast[: len(a)])
        smape.append(np.mean(200 * abs(a - f) / (abs(a) + abs(f))))
        mase.append(np.mean(abs(a - f)) / np.mean(abs(y[m:] - y[:-m])))
    return (np.mean(smape) / naive2["sMAPE"] + np.mean(mase) / naive2["MASE"]) / 2


def equal(kind, own, peer):
    def good(name):
        (_, value, forecast), (_, wanted, target) = own[name], peer[name]
        if kind == "ets":
            return value >= wanted - 1e-3 * abs(wanted)
        if kind == "holt_winters":
            return value <= wanted * 1.001
        size = np.max(np.abs(target))
        return np.max(np.abs(np.array(forecast) - target)) <= 1e-4 * size

    return np.mean([good(name) for name in peer])


def peers(m, h):
    """(kind, options, peer's name, function of a series that gives its value and forecast)"""
    try:
        from statsforecast.ets import ets_f, forecast_ets
        from statsforecast.theta import auto_theta, forecast_theta

        def ets(y):
            r = ets_f(y, m)
            return float(r["loglik"]), forecast_ets(r, h)["mean"]

        def holt(y):
            r = ets_f(y, m, model="AAA" if m > 1 else "AAN", damped=False)
            return float(np.sum((y - r["fitted"]) ** 2)), forecast_ets(r, h)["mean"]

        yield "ets", [], "AutoETS", ets
        yield "holt_winters", [], "sf HoltWinters", holt
        for variant, model in (("standard", "STM"), ("optimized", "OTM"), ("dynamic", "DSTM"), ("dynamic_optimized", "DOTM")):
            yield "theta", [f"variant={variant}"], f"Theta {model}", lambda y, model=model: (
                np.nan, forecast_theta(auto_theta(y, m, model=model), h)["mean"])
    except ImportError:
        print("statsforecast is not installed", file=sys.stderr)
    try:
        from statsmodels.tsa.holtwinters import ExponentialSmoothing
        from statsmodels.tsa.seasonal import MSTL, STL

        def smoothing(y):
            r = ExponentialSmoothing(y, trend="add", seasonal="add" if m > 1 else None, seasonal_periods=m if m > 1 else None,
                                     initialization_method="estimated").fit()
            return float(r.sse), r.forecast(h)

        yield "holt_winters", [], "sm ExponentialSmoothing", smoothing
        if m > 1:
            yield "stl", [], "sm STL robust", lambda y: (np.nan, [] if STL(y, period=m, robust=True).fit() else [])
            yield "mstl", ["season2=168"], "sm MSTL 24, 168", lambda y: (np.nan, [] if MSTL(y, periods=(m, 7 * m)).fit() else [])
    except ImportError:
        print("statsmodels is not installed", file=sys.stderr)


def main(program, folder, *rest):
    print(f"{'set':7} {'kind':13} {'peer':25} {'series':>6} {'ms':>8} {'peer ms':>8} {'ratio':>6} {'equal':>6} {'OWA':>6} {'peer':>6}")
    scores = json.load(open(f"{folder}/reference_scores.json"))
    for name, (m, h, every) in SETS.items():
        train, test = load(f"{folder}/{name}_train.csv"), load(f"{folder}/test/{name}_test.csv")
        some = dict(list(train.items())[:: 1 if "--all" in rest else every])
        for kind, options, peer_name, fit in peers(m, h):
            own = run_own(program, kind, [f"season={m}", "repeat=3", *options], some, h)
            peer = run_peer(fit, some)
            ms, peer_ms = (np.mean([v[0] for v in found.values()]) for found in (own, peer))
            columns = ["", "", ""]
            if peer[next(iter(peer))][2] != []:
                columns = [f"{equal(kind, own, peer):.3f}"]
                columns += [f"{owa(found, train, test, m, scores[name]['Naive2']):.3f}" for found in (own, peer)]
            print(f"{name:7} {kind + ' ' + ' '.join(options)[8:14]:13} {peer_name:25} {len(some):6} {ms:8.3f} {peer_ms:8.2f} "
                  f"{peer_ms / ms:6.1f} {columns[0]:>6} {columns[1]:>6} {columns[2]:>6}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
