#!/usr/bin/env python3
"""A model kind in Python: an isolation forest over short stretches of the series, scikit-learn's.

    models: {top: {kind: command, argv: [python3, fit.py], lags: 6, trees: 100}}

Protocol: docs/models.md, section command. A model is what the forest is grown from (the stretches that it samples), so it
is plain numbers and grows to the same forest wherever it is read. Standard output is for answers; print to standard error.
"""
import json
import sys

try:
    import numpy as np
    from sklearn.ensemble import IsolationForest
except ImportError as error:
    sys.exit(f"fit.py needs scikit-learn (python3-sklearn in Debian, or pip install scikit-learn): {error}")

MOST_STRETCHES = 1024  # that a model keeps
FORESTS = {}  # grown lately, by their model: scoring asks for the same one again


class Failure(Exception):
    """An error of the target: a code of the protocol and a sentence."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def values_of(request):
    return np.array([np.nan if value is None else value for value in request["values"]])


def stretches(values, lags):
    """(steps, rows): each step with the ones before it, where none is missing."""
    rows = np.lib.stride_tricks.sliding_window_view(values, lags)
    steps = np.arange(lags - 1, len(values))
    whole = ~np.isnan(rows).any(axis=1)
    return steps[whole], rows[whole]


def grow(model, trees):
    key = json.dumps([model["stretches"][:64], model["lags"], len(model["stretches"])])
    if key not in FORESTS:
        if len(FORESTS) > 100:
            FORESTS.clear()
        rows = np.array(model["stretches"]).reshape(-1, model["lags"])
        FORESTS[key] = IsolationForest(n_estimators=trees, random_state=0).fit(rows)
    return FORESTS[key]


def fit(request, parameters):
    lags, trees = int(parameters.get("lags", 6)), int(parameters.get("trees", 100))
    values = values_of(request)
    if len(values) < lags or len(stretches(values, lags)[1]) < 4 * lags:
        raise Failure("NOT_ENOUGH_DATA", f"fewer than {4 * lags} whole stretches of {lags} steps")
    _, rows = stretches(values, lags)
    if np.ptp(rows) == 0:
        raise Failure("CONSTANT", "every value is the same")
    kept = rows[np.linspace(0, len(rows) - 1, min(len(rows), MOST_STRETCHES)).astype(int)]
    model = {"lags": lags, "trees": trees, "stretches": kept.ravel().tolist()}
    strangeness = -grow(model, trees).score_samples(rows)
    median = float(np.nanmedian(values))
    spread = float(np.nanmedian(np.abs(values - median))) * 1.4826 or float(np.nanstd(values))
    model.update(n=len(rows), median=median, spread=spread, usual=float(np.median(strangeness)),
                 limit=float(np.quantile(strangeness, 0.999)))
    return {"model": model, "summary": ["n", "lags", "median", "limit"]}


def score(request, parameters):
    model, values = request["model"], values_of(request)
    scores = np.full(len(values), np.nan)
    if len(values) >= model["lags"]:
        steps, rows = stretches(values, model["lags"])
        if len(rows):
            strangeness = -grow(model, model["trees"]).score_samples(rows)
            scores[steps] = (strangeness - model["usual"]) / max(model["limit"] - model["usual"], 1e-9)
    count = len(values)
    return {"expected": [model["median"]] * count, "lower": [model["median"] - 4 * model["spread"]] * count,
            "upper": [model["median"] + 4 * model["spread"]] * count,
            "score": [None if np.isnan(value) else max(float(value), 0.0) for value in scores]}


def answer(request, parameters):
    try:
        return {"id": request["id"], **{"fit": fit, "score": score}[request["type"]](request, parameters)}
    except Failure as failure:
        return {"id": request["id"], "error": failure.code, "message": str(failure)}


def say(line):
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def main():
    parameters = json.loads(sys.stdin.readline())["parameters"]
    say({"type": "ready", "protocol": 1, "can": ["fit", "score"]})
    for line in sys.stdin:
        request = json.loads(line)
        if request["type"] == "end":
            break
        say(answer(request, parameters))


main()
