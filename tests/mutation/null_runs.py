#!/usr/bin/env python3
"""Null runs: nothing was changed, so nothing may be reported, whatever the threads, batch, shards, instruction set or interruptions.

Each run is `plastometer check` of the quick suite: it must exit 0, and its losses.safetensors must be those of the first run to the
bit. Runs that are killed (SIGKILL, at a moment drawn from a printed seed) are resumed.

  null_runs.py [--program FILE] [--goldens DIR] [--seed N] [--suite FILE]     Exit: 0 all quiet, 1 a false alarm or other bits
"""
import argparse
import os
import pathlib
import random
import select
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
SECONDS = 1800  # of one command; only a hang takes so long


class Failed(Exception):
    pass


class NullRuns:
    def __init__(self, arguments, work):
        self.a, self.work = arguments, work
        self.random = random.Random(arguments.seed)
        self.losses = None  # of the first run, by group
        self.num_kills = 0

    def command(self, *more):
        return [self.a.program, "check", self.a.suite, "--goldens", self.a.goldens, *map(str, more)]

    def plain(self, *more, env=None):
        done = subprocess.run(more, cwd=self.work, env={**os.environ, **(env or {})}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors="replace", timeout=SECONDS)
        if done.returncode != 0:
            raise Failed(f"exit {done.returncode}: {done.stdout.strip()[-600:]}")

    def compare(self, folder):
        losses = {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("losses.safetensors"))}
        if not losses:
            raise Failed(f"{folder.name} holds no losses.safetensors")
        self.losses = self.losses or losses
        other = [name for name in self.losses.keys() | losses.keys() if self.losses.get(name) != losses.get(name)]
        if other:
            raise Failed(f"other bits in {', '.join(sorted(other))}")

    def check(self, folder, *options, env=None):
        self.plain(*self.command(*options, "--out", folder), env=env)
        self.compare(folder)

    def sharded(self, folder, n, *options, env=None):
        shards = [folder.with_name(f"{folder.name}.{i}") for i in range(n)]
        self.random.shuffle(shards)
        for shard in shards:
            self.plain(*self.command(*options, "--shard", f"{shard.suffix[1:]}/{n}", "--out", shard), env=env)
        self.plain(self.a.program, "merge", *shards, "--out", folder)
        self.plain(self.a.program, "check", "--goldens", self.a.goldens, "--resume", folder, env=env)
        self.compare(folder)

    def killed(self, folder, times, *options):
        """Killed up to `times`, each time after a random number of journal bytes more, then resumed to its end."""
        journal, where = folder / "journal.jsonl", ("--out", folder)
        for _ in range(times):
            process = subprocess.Popen(self.command(*options, *where), cwd=self.work, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            size = journal.stat().st_size if journal.exists() else 0
            wanted = size + self.random.randrange(1, self.journal_bytes)
            ended = os.pidfd_open(process.pid)
            while not select.select([ended], [], [], 0.001)[0]:
                if journal.exists() and journal.stat().st_size >= wanted:
                    process.kill()
                    self.num_kills += 1
                    break
            os.close(ended)
            process.wait()
            if process.returncode == 0:
                break
            where = ("--resume", folder) if (folder / "plan.json").exists() else ("--out", folder)
        else:
            self.plain(*self.command(*options, *where))
        self.compare(folder)

    def all(self):
        """Twenty runs: name and what to do with a folder."""
        avx2, scalar = {"PLASTOMETER_MAX_ISA": "avx2"}, {"PLASTOMETER_MAX_ISA": "scalar"}
        for threads in (1, 2):
            for batch in (1, 4):
                yield f"threads {threads}, batch {batch}", lambda f, t=threads, b=batch: self.check(f, "--threads", t, "--batch", b)
        yield "batch 3, not a divisor", lambda f: self.check(f, "--batch", 3)
        for n in (1, 3, 7):
            yield f"{n} shards", lambda f, n=n: self.sharded(f, n)
        yield "3 shards, threads 1, batch 1", lambda f: self.sharded(f, 3, "--threads", 1, "--batch", 1)
        yield "avx2", lambda f: self.check(f, env=avx2)
        yield "avx2, batch 1", lambda f: self.check(f, "--batch", 1, env=avx2)
        yield "scalar", lambda f: self.check(f, env=scalar)
        yield "scalar, 3 shards", lambda f: self.sharded(f, 3, env=scalar)
        for i in range(7):
            options = (("--threads", 1 + i % 2), ("--batch", (1, 4)[i // 2 % 2]))
            yield (f"killed {1 + i % 3} times, " + ", ".join(f"{k[2:]} {v}" for k, v in options),
                   lambda f, i=i, o=options: self.killed(f, 1 + i % 3, *o[0], *o[1]))

    def run(self):
        num_failed = 0
        for i, (name, action) in enumerate(self.all()):
            folder = self.work / f"run{i}"
            try:
                action(folder)
                verdict = "quiet, same bits"
            except Failed as error:
                num_failed += 1
                verdict = f"FAILED: {error}"
            if i == 0 and (folder / "journal.jsonl").exists():
                self.journal_bytes = (folder / "journal.jsonl").stat().st_size
            print(f"{i + 1:2}  {name:40}  {verdict}", flush=True)
            if self.losses is None:
                raise SystemExit("null_runs.py: the first run failed; there is nothing to compare with")
        print(f"{i + 1 - num_failed} of {i + 1} quiet; {self.num_kills} kills (seed {self.a.seed})")
        if self.num_kills == 0:
            print("no run was killed before its end: the interrupted runs tested nothing")
            return 1
        return 1 if num_failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=lambda p: pathlib.Path(p).resolve(), default=ROOT / "build/cpu/plastometer")
    parser.add_argument("--goldens", type=lambda p: pathlib.Path(p).resolve(), default=ROOT / "goldens")
    parser.add_argument("--suite", default=str(ROOT / "suites/quick.json"))
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="plastometer-null-") as work:
        sys.exit(NullRuns(arguments, pathlib.Path(work)).run())


if __name__ == "__main__":
    main()
