"""The same job on the same data gives byte-identical models whatever the slots, the chunk size and the order of return."""
import os
import random
import sqlite3

import fleet
from fleet import Case

SLOTS = ("1", "2", "5")
CHUNKS = ("1", "7", "per-worker", "auto")


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def fields(data):
    """A protobuf message as {field: [values]} (proto/state.proto StoredReport, proto/fleet.proto Outcome)."""
    found, at = {}, 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        else:
            size, at = {1: (8, at), 5: (4, at)}[key & 7] if key & 7 != 2 else varint(data, at)
            value, at = data[at:at + size], at + size
        found.setdefault(key >> 3, []).append(value)
    return found


class Determinism(Case):
    def setUp(self):
        super().setUp()
        rng = random.Random(7)
        lines = ["time,target,count,elapsed_ms"]
        for row in range(600):
            for target in range(40):
                missing = rng.random() < 0.03
                count = "" if missing else f"{rng.gauss(50 + 20 * (row % 24 > 12), 3):.6f}"
                lines.append(f"{1_700_000_000 + row * 60 + rng.randrange(5)},t{target:02d},{count},{rng.expovariate(0.01):.3f}")
        self.write("data.csv", "\n".join(lines) + "\n")
        top = [{"match": "t0*", "kind": "ewma"}, {"match": "t1*", "metrics": ["count"], "kind": "seasonal", "season": 24},
               {"match": "t2*", "kind": "pca"}, {"match": "*", "kind": "seasonal"}]
        self.path_of_job = self.job(models={"all": {"kind": "pca"}, "top": top}, prepare={"step": "1m"})

    def bytes_of_models(self):
        """{index of the target: the bytes of its model} as the store keeps them."""
        database = sqlite3.connect(os.path.join(self.state, "fitfleet.db"))
        models = {}
        for outcomes, blob in database.execute("SELECT outcomes, models FROM reports"):
            for outcome in fields(outcomes).get(3, []):
                values = fields(outcome)
                at, size = (values.get(number, [0])[0] for number in (13, 14))
                models[values.get(1, [0])[0]] = blob[at:at + size]
        database.close()
        return models

    def fit(self, slots, chunk):
        self.state = self.path(f"state-{slots}-{chunk}")
        result = self.train_json(self.path_of_job, "--no-reuse", "--slots", slots, "--set", f"plan.chunk={chunk}")
        self.assertEqual(result["counts"]["fitted"], 40)
        self.assertEqual(result["all"]["class"], "fitted")
        models = self.bytes_of_models()
        self.assertEqual([len(models[target]) for target in sorted(models)],
                         [entry["model"]["bytes"] for entry in [*result["top"].values(), result["all"]]])
        return models, self.models(), [entry["model"]["summary"] for entry in result["top"].values()]

    def test_slots_and_chunks_change_no_byte(self):
        first = None
        for slots in SLOTS:
            for chunk in CHUNKS:
                with self.subTest(slots=slots, chunk=chunk):
                    found = self.fit(slots, chunk)
                    first = first or found
                    self.assertEqual(found, first)

    def test_the_order_of_rows_in_the_file_changes_no_byte(self):
        first = self.fit("2", "7")
        self.assertEqual(len(first[0]), 41)
        with open(self.path("data.csv")) as file:
            header, *rows = file.read().splitlines()
        by_target = sorted(rows, key=lambda row: (row.split(",")[1], int(row.split(",")[0])))
        self.write("data.csv", "\n".join([header, *by_target]) + "\n")
        self.assertEqual(self.fit("2", "auto"), first)

    def test_training_again_gives_the_same_models(self):
        models = self.fit("2", "auto")[1]
        self.train_json(self.path_of_job, "--no-reuse")
        self.assertEqual(self.models(), models)


if __name__ == "__main__":
    fleet.main()
