#!/usr/bin/env python3
"""Every call of the program that changes a file fails once, in turn: is anything lost, half-written or passed over?

Usage: program_faults.py --program build/cpu/plastometer --inject build/cpu/tests/libplastometer_inject.so
                         (--sample N | --all) [--command NAME ...]

For each command below: the calls are counted (inject.h), then one fails, in a folder of its own, as each of KINDS. What must hold:
the exit code is 8, and the message names the file and the reason, or the command ended as it does undisturbed; what was there
before is there still, to the byte; every new file is whole; no temporary file is left; and the command that goes on, or the same
one once more, then ends as it would have. Exit 1 with one line per failure; --all prints a table of what was tried.
"""
import argparse
import dataclasses
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[2]
ERRORS = {"ENOSPC": "No space left on device", "EIO": "Input/output error", "full": "No space left on device", "short": "none"}
KINDS = list(ERRORS)
# A file that many calls write: the first ones and the last stand for all.
REPEATS = 2
MODEL = "--model model.safetensors --data text.txt --context 64 --windows 4 --threads 1 "
RUN = "run " + MODEL + "--batch 1 --profiles uniform,frozen "
SUITE = {"schema": 1, "description": "two cases", "groups": [
    {"name": "tiny", "model": "./model.safetensors", "data": {"text": "text.txt", "context": 48, "windows": 2},
     "profiles": ["uniform", "frozen"], "traced_windows": 2}]}
TRAIN = {"name": "tiny", "model": {"vocab_size": 8, "hidden_size": 64, "intermediate_size": 48, "num_layers": 2, "num_heads": 2,
                                   "inner_model": "linear", "backbone": "mamba", "ttt_base_lr": 1.0, "context_tokens": 48},
         "task": {"name": "chains", "parameters": {}, "seed": 1}, "profile": "uniform", "batch": 2, "context": 48,
         "total_tokens": 384, "lr": 0.01, "warmup_tokens": 96, "seed": 1, "checkpoint_steps": 2, "output": "trained.safetensors"}


@dataclasses.dataclass
class Command:
    words: str  # of the command whose calls fail
    before: tuple = ()  # commands that make what it needs
    goes_on: str = ""  # where the folder `resumable` was kept: what goes on with it; else the same command again
    resumable: str = ""
    may_change: tuple = ()  # files of before that the command itself replaces or appends to
    same: tuple = ()  # files that must end with the undisturbed bytes
    code: int = 0
    prepare: object = None  # a function of the folder, after `before`


def cut_journal(folder):
    """As after a kill: half of the last lines, and no results."""
    run = folder / "r"
    text = (run / "journal.jsonl").read_bytes()
    lines = text.splitlines(keepends=True)
    for entry in run.iterdir():
        if entry.name != "plan.json":
            entry.unlink()
    (run / "journal.jsonl").write_bytes(b"".join(lines[:3]) + lines[3][:40])


def damaged_store(folder):
    shutil.copytree(SOURCE / "goldens/quick", folder / "goldens/quick")


def mlp_suite(folder):
    """Of suite quick what takes least, with its goldens."""
    shutil.copytree(SOURCE / "goldens", folder / "goldens")
    for case in (folder / "goldens/quick").iterdir():
        if not case.name.startswith("mlp."):
            shutil.rmtree(case)
    suite = json.loads((SOURCE / "suites/quick.json").read_text())
    suite["groups"] = [group for group in suite["groups"] if group["name"] == "mlp"]
    (folder / "quick.json").write_text(json.dumps(suite))
    shutil.copytree(SOURCE / "suites/texts", folder / "texts")
    shutil.copytree(SOURCE / "suites/models/tiny-mlp", folder / "models/tiny-mlp")


COMMANDS = {
    "run": Command(RUN + "--stats --out r", goes_on="run --resume r --threads 1 --stats", resumable="r",
                   same=("r/losses.safetensors", "r/stats.safetensors")),
    "run --resume": Command("run --resume r --threads 1", (RUN + "--out r",), prepare=cut_journal, may_change=("r/journal.jsonl",),
                            same=("r/losses.safetensors",)),
    "check": Command("check s.json --goldens goldens --threads 1 --junit junit.xml --github --out r", code=4,
                     goes_on="check --resume r --goldens goldens --threads 1 --junit junit.xml", resumable="r",
                     same=("r/pending/s/tiny.uniform/portable-1/metrics.json", "r/losses.safetensors")),
    "merge": Command("merge a b --out r", (RUN + "--shard 0/2 --out a", RUN + "--shard 1/2 --out b"), same=("r/losses.safetensors",)),
    "report": Command("report r --tables --out page", (RUN + "--stats --out r",), same=("page/report.md",)),
    "compare": Command("compare r r --out c.json", (RUN + "--out r",), same=("c.json",)),
    "arms": Command("arms r --out a.json", ("train train.json --threads 1 --out m.safetensors --checkpoint c.safetensors",
                                            "run --model m.safetensors --windows 4 --context 48 --documents 14 --profiles frozen "
                                            "--threads 1 --out r"), same=("a.json",)),
    "score": Command("score " + MODEL.replace("--windows 4 ", "").replace("--context 64 ", "") +
                     "--profile uniform --stats --out s.safetensors", same=("s.safetensors",)),
    "drift": Command("drift --model model.safetensors --data text.txt --probe-data other.txt --at 0,64 --profiles uniform,frozen "
                     "--threads 1 --out d", same=("d/drift.safetensors", "d/drift.json", "d/drift.csv")),
    "mean-state": Command("mean-state " + MODEL + "--out m.safetensors", same=("m.safetensors",)),
    "sensitivity": Command("sensitivity " + MODEL + "--json --out sensitivity.json", same=("sensitivity.json",)),
    "train": Command("train train.json --threads 1 --out m.safetensors --checkpoint c/c.safetensors", resumable="c/c.safetensors",
                     goes_on="train train.json --threads 1 --out m.safetensors --checkpoint c/c.safetensors --resume",
                     may_change=("c/.c.safetensors.lock",), same=("m.safetensors",)),
    "import": Command("import --from hf hf --out i.safetensors", ("export model.safetensors --out hf",), same=("i.safetensors",)),
    "export": Command("export model.safetensors --out hf", same=("hf/model.safetensors", "hf/config.json")),
    "data make": Command("data make chains --documents 3 --context 50 --out a.safetensors", same=("a.safetensors", "a.json")),
    "data slice": Command("data slice --data text.txt --tokenizer bytes --context 64 --out slice.json", same=("slice.json",)),
    "lint": Command("lint --goldens goldens", prepare=damaged_store, code=4),
    "tolerances": Command("tolerances quick.json --goldens goldens --lanes cpu-native --out r", prepare=mlp_suite),
    "search": Command("search " + MODEL.replace("text.txt", "texts") + "--layers 1 --out search.json", prepare=mlp_suite, same=("search.json",)),
    "plan": Command(RUN + "--plan"),
}


def make_base(folder):
    folder.mkdir()
    shutil.copy(SOURCE / "suites/models/tiny-mlp/model.safetensors", folder)
    shutil.copy(SOURCE / "suites/texts/valley.txt", folder / "text.txt")
    shutil.copy(SOURCE / "suites/texts/station.txt", folder / "other.txt")
    (folder / "s.json").write_text(json.dumps(SUITE))
    (folder / "train.json").write_text(json.dumps(TRAIN))


def files_of(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def is_whole(name, data):
    """By its own format; a journal's last line may be cut, which resuming removes, and what is appended to a CI's summary."""
    try:
        if name.endswith((".lock", "journal.jsonl", "summary.md")):
            return True
        if name.endswith(".json"):
            json.loads(data)
        elif name.endswith(".safetensors"):
            (size,) = struct.unpack("<Q", data[:8])
            header = json.loads(data[8:8 + size])
            ends = [t["data_offsets"][1] for key, t in header.items() if key != "__metadata__"]
            return len(data) == 8 + size + max(ends, default=0)
        elif name.endswith(".html"):
            return data.rstrip().endswith(b"</html>")
        elif name.endswith(".svg"):
            return data.rstrip().endswith(b"</svg>")
        elif name.endswith(".png"):
            return data.endswith(b"IEND\xaeB`\x82")
        else:
            return data == b"" or name.endswith(".zst") or data.endswith(b"\n")
    except (ValueError, struct.error):
        return False
    return True


class Trial:
    """One command in folders below `scratch`."""

    def __init__(self, name, arguments, scratch):
        self.name, self.command, self.arguments = name, COMMANDS[name], arguments
        self.scratch = scratch / re.sub(r"\W", "_", name)
        self.scratch.mkdir()
        # One folder for all: a plan holds the paths of what it was made from.
        self.base, self.work = self.scratch / "base", self.scratch / "work"
        make_base(self.work)
        for words in self.command.before:
            self.expect(self.execute(words, self.work), 0, words)
        if self.command.prepare:
            self.command.prepare(self.work)
        shutil.rmtree(self.work / "tmp", ignore_errors=True)
        (self.work / "stdout").unlink(missing_ok=True)
        self.work.rename(self.base)
        self.old = files_of(self.base)
        self.count()

    def expect(self, result, code, words):
        if result.returncode != code:
            raise SystemExit(f"{self.name}: {words}: exit {result.returncode}, expected {code}\n{result.stderr}")

    def execute(self, words, folder, more=None):
        (folder / "tmp").mkdir(exist_ok=True)
        env = dict(os.environ, TMPDIR=str(folder / "tmp"), **(more or {}))
        env.pop("GITHUB_STEP_SUMMARY", None)
        if "--github" in words:
            env["GITHUB_STEP_SUMMARY"] = str(folder / "summary.md")
        with open(folder / "stdout", "wb") as out:
            return subprocess.run([self.arguments.program, *words.split()], cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=out,
                                  stderr=subprocess.PIPE, text=True, errors="replace", check=False)

    def inject(self, at, kind):
        """The command in a fresh work folder."""
        shutil.rmtree(self.work, ignore_errors=True)
        shutil.copytree(self.base, self.work)
        log = self.scratch / "log"
        for file in (log, self.scratch / "log.count"):
            file.unlink(missing_ok=True)
        result = self.execute(self.command.words, self.work, {
            "LD_PRELOAD": self.arguments.inject, "PLASTOMETER_FAULT_LOG": str(log), "PLASTOMETER_FAULT_AT": str(at),
            "PLASTOMETER_FAULT_KIND": kind})
        points = [line.split(" ", 2)[1:] for line in log.read_text().splitlines()] if log.exists() else []
        return result, points

    def count(self):
        result, self.points = self.inject(0, "ENOSPC")
        self.expect(result, self.command.code, self.command.words)
        if not self.points:
            raise SystemExit(f"{self.name}: no call was counted: {result.stderr}")
        self.whole = files_of(self.work)

    def cases(self):
        """(number, kind) of all that is tried."""
        seen, last, chosen = {}, {}, []
        for number, (call, path) in enumerate(self.points, 1):
            last[self.alike(call, path)] = number
        for number, (call, path) in enumerate(self.points, 1):
            key = self.alike(call, path)
            seen[key] = seen.get(key, 0) + 1
            if seen[key] > REPEATS and last[key] != number:
                continue
            kinds = [kind for kind in KINDS if kind != "short" or "write" in call]
            chosen += [(number, kind) for kind in kinds]
        return chosen

    def alike(self, call, path):
        """Calls of one key are made by one place of the program: those to one file, or to a folder of figures."""
        path = pathlib.PurePath(path)
        many = path.parent.name in ("figures", "tables", "tokens")
        return call, path.parent, self.final_name(path).rpartition(".")[2] if many else self.final_name(path)

    @staticmethod
    def final_name(path):
        """What a message calls it: not the temporary neighbour."""
        name = pathlib.PurePath(path).name
        found = re.fullmatch(r"\.(.+)\.\d+-\d+\.tmp", name)
        return found.group(1) if found else "plastometer." if name.startswith("plastometer.") else name

    def attempt(self, case):
        """What is wrong after this fault; empty: nothing. And whether the command ended undisturbed."""
        at, kind = case
        result, points = self.inject(at, kind)
        if len(points) < at:
            return ["not reached"], False
        call, path = points[at - 1]
        # A full disk may show at a later call only, as when the file that is closed was flushed.
        names = {self.final_name(points[i][1]) for i in range(at - 1, len(points) if kind == "full" else at)}
        if call == "fsync" and (self.work / path).is_dir():  # of what was renamed into it
            names.add(self.final_name(points[at - 2][1]))
        found = self.judge(self.work, result, kind, names) + self.judge_what_follows(self.work)
        where = f"{self.name}: {kind} at {at}: {call} {path}: "
        if found and self.arguments.keep:
            shutil.copytree(self.work, self.scratch / f"{at}-{kind}")
        return [where + text for text in found], result.returncode != 8

    def judge(self, folder, result, kind, names):
        found = []
        if result.returncode == 8 and kind != "short":
            message = result.stderr.strip().split("\n")
            text = " ".join(message)
            if ERRORS[kind] not in text:
                found.append(f"the reason is not named: {text}")
            if not any(name in text for name in names):
                found.append(f"the file is not named: {text}")
        elif result.returncode != self.command.code:
            found.append(f"exit {result.returncode}: {result.stderr.strip()[-300:]}")
        else:
            found += [f"exit {self.command.code} without {name}" for name in self.whole if name not in files_of(folder)]
            out = (folder / "stdout").read_bytes()
            if len(out) < 0.9 * len(self.whole["stdout"]):
                found.append(f"exit {self.command.code}, but standard output has {len(out)} bytes")
        new = files_of(folder)
        for name, data in new.items():
            if name.endswith(".tmp") or name.startswith("tmp/"):
                found.append(f"left behind: {name}")
            elif name in self.old and name not in self.command.may_change and data != self.old[name]:
                found.append(f"{name} was changed")
            elif name != "stdout" and not is_whole(name, data):
                found.append(f"half-written: {name} ({len(data)} bytes)")
        found += [f"{name} is gone" for name in self.old if name not in new]
        for name in self.command.may_change:
            kept = self.old.get(name, b"")
            kept = kept[:kept.rfind(b"\n") + 1]
            if name.endswith("journal.jsonl") and not new[name].startswith(kept):
                found.append(f"lines of {name} are gone")
        return found

    def judge_what_follows(self, folder):
        c = self.command
        resumes = c.goes_on and (folder / c.resumable).exists()
        words = c.goes_on if resumes else c.words
        done = all((folder / name).exists() for name in self.whole if name != "stdout" and name not in self.old)
        for name in self.whole:  # a file that is there stands in the way of --out, and is whole
            if not resumes and name in self.command.same and (folder / name).exists() and not done:
                (folder / name).unlink()
        if not done:
            result = self.execute(words, folder)
            if result.returncode != c.code:
                return [f"afterwards `{words}` ends with {result.returncode}: {result.stderr.strip()[-300:]}"]
        return [f"afterwards {name} differs" for name in c.same if (folder / name).read_bytes() != self.whole[name]]


def memory(arguments, scratch):
    """Little address space: exit 0 or 8, from where the program itself can be loaded. Returns what is wrong."""
    folder = scratch / "memory"
    make_base(folder)

    def run(words, mebibytes):
        shutil.rmtree(folder / "r", ignore_errors=True)
        return subprocess.run(["bash", "-c", f"ulimit -c 0 -v {mebibytes * 1024}; exec \"$0\" \"$@\"", arguments.program,
                               *words.split()], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    low, high = 64, 8192
    while high - low > 8:
        middle = (low + high) // 2
        low, high = (low, middle) if run("--version", middle).returncode == 0 else (middle, high)
    found = []
    for more in (4, 12, 24, 40, 64) if arguments.all else (8, 32):
        result = run(RUN + "--out r", high + more)
        if result.returncode not in (0, 8) or (result.returncode == 8 and "plastometer: " not in result.stderr):
            found.append(f"memory: {high + more} MiB: exit {result.returncode}: {result.stderr.strip()[-300:]}")
    return found


def try_all(arguments, scratch):
    """Prints a row for each command; returns what is wrong."""
    failures = memory(arguments, scratch)
    for text in failures:
        print(text, flush=True)
    for name in arguments.command:
        trial = Trial(name, arguments, scratch)
        cases = trial.cases()
        if not arguments.all:  # other calls and kinds for each command
            step = max(1, len(cases) // arguments.sample)
            cases = cases[step // 2::step][:arguments.sample]
        outcomes = [trial.attempt(case) for case in cases]
        found = [text for outcome, _ in outcomes for text in outcome]
        print(f"| `{name}` | {len(trial.points)} | {len(cases)} | {sum(u for _, u in outcomes)} | {len(found) or 'all'} |", flush=True)
        for text in found:
            print("   ", text, flush=True)
        failures += found
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, type=os.path.abspath)
    parser.add_argument("--inject", required=True, type=os.path.abspath)
    parser.add_argument("--sample", type=int, default=1, help="faults a command, spread over its calls and kinds")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--command", nargs="*", default=list(COMMANDS))
    parser.add_argument("--keep", help="folder that is made, and holds what failed")
    arguments = parser.parse_args()
    if arguments.keep:
        scratch = pathlib.Path(arguments.keep)
        scratch.mkdir()
        sys.exit(1 if try_all(arguments, scratch) else 0)
    with tempfile.TemporaryDirectory(prefix="plastometer-faults-") as folder:
        sys.exit(1 if try_all(arguments, pathlib.Path(folder)) else 0)


if __name__ == "__main__":
    main()
