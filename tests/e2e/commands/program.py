"""A program for kind: command. The mean of a target's values is its model; `fault` says what it does wrong, and for which
target. Every start is noted in the file `starts` of its folder, every end in `ends`."""
import json
import os
import subprocess
import sys
import time
import zlib


LEAKED = []


def note(name, text=""):
    with open(name, "a") as file:
        file.write(f"{os.getpid()} {text}\n")


def say(answer):
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def raw(text):
    sys.stdout.write(text)
    sys.stdout.flush()


def commit(fault, request):
    """What is done wrong instead of answering, or before; True if the answer is given."""
    if fault == "exit":
        sys.exit(7)
    if fault == "crash":
        os.abort()
    if fault == "hang":
        time.sleep(1000)
    if fault == "close":
        os.close(1)
        time.sleep(1000)
    if fault == "garbage":
        raw("epoch 1: loss 0.5\n")
    if fault == "endless":
        while True:
            raw("x" * 65536)
    if fault == "two":
        raw(json.dumps({"id": request["id"], "model": {}}) + "\n{}\n")
    if fault == "id":
        say({"id": request["id"] + 1, "model": {}})
    if fault == "nested":
        say({"id": request["id"], "model": {"a": {"b": 1}}})
    if fault == "nan":
        raw('{"id": %d, "model": {"a": NaN}}\n' % request["id"])
    if fault == "memory":
        kept = []
        while True:
            kept.append(b"x" * (1 << 20))
    if fault == "leak":
        LEAKED.append(b"x" * (10 << 20))
        return True
    if fault == "hoard":
        subprocess.run([sys.executable, "-c", "x = []\nwhile True: x.append(b'x' * (1 << 20))"], check=False)
    if fault == "children":
        subprocess.Popen(["sleep", "1000"], start_new_session=True)
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(1000)
            os._exit(0)
        return True
    if fault in ("short", "twice", "open", "crossed", "flat"):
        return True
    if fault == "code":
        say({"id": request["id"], "error": "NO_LUCK", "message": "no"})
    if fault == "few":
        say({"id": request["id"], "error": "NOT_ENOUGH_DATA", "message": "too little to see"})
    if fault == "stderr":
        print("the fit looks odd", file=sys.stderr, flush=True)
        sys.exit(3)
    return False


def fit(request, parameters, shared):
    values = [value for value in request["values"] if value is not None]
    mean = sum(values) / len(values)
    return {"mean": mean, "n": len(values), "t0_ms": request["t0_ms"], "names": ["a", "b"], "curve": [mean, None, 0.1],
            "fine": True, "target": request["target"], "metric": request["metric"], "shared": shared,
            "parameters": json.dumps(parameters, sort_keys=True)}


def band(model, count, width):
    return {"expected": [model["mean"]] * count, "lower": [model["mean"] - width] * count,
            "upper": [model["mean"] + width] * count}


def spoil(fault, answer):
    """A bound that is not given, a band upside down, or one without width."""
    if fault == "open":
        answer["upper"] = [None] * len(answer["upper"])
    if fault == "crossed":
        answer["upper"][1] = answer["lower"][1] - 1
    if fault == "flat":
        answer["lower"] = answer["upper"] = answer["expected"]


def read_shared(paths):
    texts = []
    for name, path in sorted(paths.items()):
        with open(path) as file:
            content = file.read()
            texts.append(f"{name}: {len(content)} {zlib.crc32(content.encode())}")
        try:
            with open(path, "w") as file:
                file.write("changed")
            texts.append("written")
        except OSError:
            texts.append("read-only")
    return texts


def main():
    init = json.loads(sys.stdin.readline())
    assert init["type"] == "init" and init["protocol"] == 1, init
    parameters = init["parameters"]
    note("starts")
    if parameters.get("fault") == "init":
        print("nothing to begin with", file=sys.stderr)
        sys.exit(5)
    shared = read_shared(init["shared"])
    ready = {"type": "ready", "protocol": 2 if parameters.get("fault") == "protocol" else 1}
    if "can" in parameters:
        ready["can"] = parameters["can"].split()
    say(ready)
    for line in sys.stdin:
        request = json.loads(line)
        if request["type"] == "end":
            note("ends")
            return
        fault = parameters.get("fault") if parameters.get("victim", "t1") in (request["target"], "all") else None
        during = parameters.get("during", "fit")
        if fault and during == request["type"] and not commit(fault, request):
            continue
        answer = {"id": request["id"], "unknown": {"ignored": []}}
        if request["type"] == "fit":
            answer.update(model=fit(request, parameters, shared), summary=["mean", "n"])
        elif request["type"] == "score":
            model = {"mean": request["model"]["mean"] + float(parameters.get("offset", 0))}
            answer.update(band(model, len(request["values"]) - (fault == "short"), 1))
            spoil(fault, answer)
        else:
            answer.update(band(request["model"], request["horizon"], 1))
        say(answer)
        if fault == "twice":  # when the next request may be there already
            time.sleep(0.05)
            say(answer)


main()
