#!/usr/bin/env python3
"""The mutation table: do the golden tests catch a mistake, and do they name its place?

  mutate.py --list             every mutation
  mutate.py --check-patches    whether each code patch applies exactly once to the present tree (no build)
  mutate.py --sample           changed models, text, suites and goldens; no rebuild
  mutate.py --all              these, and every code patch: built in a copy of the tree and checked
Options: --program FILE (--sample; default build/cpu/plastometer), --work DIR (--all: keeps the copy, so that a second call is warm),
--only WORD (names that contain it), --markdown FILE (the table once more), --jobs N.
Exit: 0 all caught where expected, 1 not, 4 a patch does not apply or the unchanged tree does not pass.
"""
import argparse
import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import code_mutations  # noqa: E402
import data_mutations  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
# What a run reads of the installation.
HOME_FOLDERS = ("model/pretrained", "suites", "goldens")
SECONDS = 1800  # of one command; only a hang takes so long


@dataclasses.dataclass
class Row:
    name: str
    expected: str
    exit_code: str = "-"
    tier: str = "-"
    place: str = "-"
    verdict: str = ""


# ---------------------------------------------------------------- one check


def environment(home):
    env = {k: v for k, v in os.environ.items() if k not in ("GITHUB_STEP_SUMMARY", "PLASTOMETER_MAX_ISA")}
    return {**env, "PLASTOMETER_HOME": str(home)}


def check(program, home, work):
    """(exit code, report or None, stderr) of the quick suite against the goldens of `home`."""
    out = work / "run"
    report = out / "check.json"
    shutil.rmtree(out, ignore_errors=True)
    done = subprocess.run([program, "check", home / "suites/quick.json", "--goldens", home / "goldens", "--out", out],
                          cwd=work, env=environment(home), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=SECONDS)
    return done.returncode, json.loads(report.read_text()) if report.exists() else None, done.stderr


def failed_tier(case):
    return next((tier["name"] for tier in case["tiers"] if tier["outcome"] == "failed"), "-")


def place_text(divergence):
    if divergence is None:
        return "none"
    layer = "" if divergence["layer"] is None else f", layer {divergence['layer']}"
    last = divergence["last_token"]
    token = str(divergence["token"]) + (f"-{last}" if last not in (None, divergence["token"]) else "")
    return f"{divergence['where']}{layer}, token {token}"


def expected_text(mutation):
    cases = [f"{p.case}: {p.where}" + ("" if p.layer is None else f", layer {p.layer}" if p.first_layer is None else f", layers {p.first_layer}-{p.layer}") +
             (f", token {p.tokens[0]}" if p.tokens and p.tokens[0] == p.tokens[1] else f", tokens {p.tokens[0]}-{p.tokens[1]}" if p.tokens else "")
             for p in mutation.places]
    tier = mutation.tier or f"says '{mutation.message}'"
    return f"exit {mutation.exit_code}, {tier}" + (f"; {cases[0]}" if cases else "")


def wrong_place(place, divergence):
    """Why a divergence is not the expected one; None when it is."""
    if divergence is None:
        return f"{place.case}: no divergence"
    layers = range(place.first_layer, place.layer + 1) if place.first_layer is not None else (place.layer,)
    good = divergence["where"] == place.where and divergence["layer"] in layers
    if good and place.tokens:
        good = place.tokens[0] <= divergence["token"] and divergence["last_token"] <= place.tokens[1]
    return None if good else f"{place.case}: {place_text(divergence)}"


def judge(mutation, code, report, stderr, row):
    """Fills the row; its verdict is "caught" or why not."""
    row.exit_code = str(code)
    if code in (0, 6, 7):
        row.verdict = "NOT CAUGHT"
        return
    if mutation.tier is None:
        row.tier = "none"
        named = mutation.message in stderr or report is not None and mutation.message in json.dumps(report)
        row.verdict = "caught" if code == mutation.exit_code and named else f"WRONG MESSAGE: {stderr.strip()[-200:]}"
        return
    if report is None:
        row.verdict = f"NO REPORT: {stderr.strip()[-200:]}"
        return
    cases = {case["case"]: case for case in report["cases"]}
    failing = tuple(p.case for p in mutation.places) + getattr(mutation, "counted", ()) + getattr(mutation, "contract_of", ())
    problems = [f"{name}: no such case" for name in failing + mutation.untouched if name not in cases]
    if not problems:
        row.tier = failed_tier(cases[failing[0]])
        row.place = f"{failing[0]}: {place_text(cases[failing[0]]['divergence'])}"
        problems += [f"{name}: tier {failed_tier(cases[name])}" for name in failing if failed_tier(cases[name]) != mutation.tier]
        problems += [f"false alarm in {name}" for name in mutation.untouched if cases[name]["verdict"] != "pass"]
        problems += filter(None, (wrong_place(p, cases[p.case]["divergence"]) for p in mutation.places))
    if code != mutation.exit_code:
        problems.append(f"exit {code}")
    row.verdict = "caught" if not problems else "WRONG PLACE: " + "; ".join(problems)


# ---------------------------------------------------------------- patches


def patched(mutation, root):
    """The file's text with the mutation in it. ValueError when the patch does not apply exactly once."""
    text = (root / mutation.file).read_text()
    count = text.count(mutation.old)
    if count != 1:
        raise ValueError(f"patch does not apply: {mutation.file} has its text {count} times")
    return text.replace(mutation.old, mutation.new)


def check_patches():
    bad = 0
    for mutation in code_mutations.MUTATIONS:
        try:
            patched(mutation, ROOT)
        except (ValueError, OSError) as error:
            bad += 1
            print(f"{mutation.name}: {error}")
    print(f"{len(code_mutations.MUTATIONS) - bad} of {len(code_mutations.MUTATIONS)} patches apply exactly once")
    return 4 if bad else 0


# ---------------------------------------------------------------- the two kinds


def copy_home(to):
    for folder in HOME_FOLDERS:
        if not (ROOT / folder).is_dir():
            sys.exit(f"mutate.py: {ROOT / folder} is missing")
        shutil.copytree(ROOT / folder, to / folder)


def run_sample(program, words):
    rows = []
    with tempfile.TemporaryDirectory(prefix="plastometer-mutants-") as name:
        work = pathlib.Path(name)
        copy_home(work / "pristine")
        require_pass(*check(program, work / "pristine", work))
        for mutation in data_mutations.MUTATIONS:
            if words not in mutation.name:
                continue
            home = work / "home"
            shutil.copytree(work / "pristine", home)
            row = Row(mutation.name, expected_text(mutation))
            mutation.apply(home)
            judge(mutation, *check(program, home, work), row)
            rows.append(row)
            shutil.rmtree(home)
    return rows


def require_pass(code, report, stderr):
    if code == 0:
        return
    failed = [c["case"] for c in (report or {"cases": []})["cases"] if c["verdict"] != "pass"]
    print(f"mutate.py: the unchanged tree does not pass (exit {code}): {', '.join(failed)}{stderr.strip()[-500:]}\n"
          "Bless the goldens of suites/quick.json first, or mend what fails.", file=sys.stderr)
    sys.exit(4)


def copy_tree(to):
    """Files that git knows or would, into `to`; a file whose text is the same keeps its time, so that nothing is built anew."""
    names = subprocess.run(["git", "ls-files", "-coz", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True).stdout
    wanted = {name for name in names.decode().split("\0") if name and (ROOT / name).is_file()}
    for name in wanted:
        source, target = ROOT / name, to / name
        if target.is_file() and target.read_bytes() == source.read_bytes():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
    shutil.rmtree(to / "goldens", ignore_errors=True)  # what is gone here must be gone there
    if (ROOT / "goldens").is_dir():
        shutil.copytree(ROOT / "goldens", to / "goldens")


def build(tree, jobs):
    """None, or the compiler's last lines."""
    libtorch = os.environ.get("LIBTORCH_ROOT") or str(ROOT / ".deps/libtorch/torch")
    # Paths below the copy are made relative for ccache: a second copy elsewhere finds its objects.
    env = {**os.environ, "CCACHE_BASEDIR": str(tree), "CCACHE_NOHASHDIR": "1"}
    if os.path.isdir(libtorch):
        env["LIBTORCH_ROOT"] = libtorch
    steps = [["ninja", "-C", "build/cpu", f"-j{jobs}", "plastometer"]]
    if not (tree / "build/cpu/build.ninja").exists():
        steps.insert(0, ["cmake", "--preset", "cpu"])
    for step in steps:
        done = subprocess.run(step, cwd=tree, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            return done.stdout[-2000:]
    return None


def run_code(work, words, jobs):
    tree = work / "tree"
    tree.mkdir(parents=True, exist_ok=True)
    copy_tree(tree)
    program = tree / "build/cpu/plastometer"
    problem = build(tree, jobs)
    if problem:
        sys.exit(f"mutate.py: the unchanged tree does not build:\n{problem}")
    require_pass(*check(program, tree, work))
    rows = []
    for mutation in code_mutations.MUTATIONS:
        if words not in mutation.name:
            continue
        row = Row(mutation.name, expected_text(mutation))
        rows.append(row)
        original = (tree / mutation.file).read_text()
        try:
            (tree / mutation.file).write_text(patched(mutation, tree))
        except ValueError as error:
            row.verdict = str(error).upper()
            continue
        try:
            problem = build(tree, jobs)
            if problem:
                row.verdict = "DOES NOT BUILD"
                print(problem, file=sys.stderr)
            else:
                judge(mutation, *check(program, tree, work), row)
        finally:
            (tree / mutation.file).write_text(original)
        print(f"{row.name}: {row.verdict}", file=sys.stderr, flush=True)
    build(tree, jobs)  # the unchanged program once more, for the sample
    return rows


# ---------------------------------------------------------------- tables


COLUMNS = ("mutation", "expected", "exit code", "tier", "first divergence", "verdict")


def cells(row):
    return (row.name, row.expected, row.exit_code, row.tier, row.place, row.verdict)


def text_table(rows):
    lines = [COLUMNS] + [cells(row) for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(COLUMNS) - 1)]
    return "\n".join("  ".join([cell.ljust(width) for cell, width in zip(line, widths)] + [line[-1]]) for line in lines)


def markdown_table(rows):
    lines = [COLUMNS, ("---",) * len(COLUMNS)] + [cells(row) for row in rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in line) + " |" for line in lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    for flag in ("--list", "--check-patches", "--sample", "--all"):
        what.add_argument(flag, action="store_true")
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "build/cpu/plastometer")
    parser.add_argument("--work", type=pathlib.Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--markdown", type=pathlib.Path)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    a = parser.parse_args()
    if a.check_patches:
        return check_patches()
    if a.list:
        for kind, mutations in (("data", data_mutations.MUTATIONS), ("code", code_mutations.MUTATIONS)):
            for m in mutations:
                print(f"{kind}  {m.name}: {m.what}; {expected_text(m)}")
        return 0
    if a.sample:
        rows = run_sample(a.program.resolve(), a.only)
    else:
        with tempfile.TemporaryDirectory(prefix="plastometer-mutants-") as name:
            work = (a.work or pathlib.Path(name)).resolve()
            rows = run_code(work, a.only, a.jobs) + run_sample(work / "tree/build/cpu/plastometer", a.only)
    if not rows:
        sys.exit(f"mutate.py: no mutation is called '{a.only}'")
    print(text_table(rows))
    if a.markdown:
        a.markdown.write_text(markdown_table(rows))
    missed = [row for row in rows if row.verdict != "caught"]
    print(f"{len(rows) - len(missed)} of {len(rows)} caught where they are")
    if any(row.verdict.startswith("PATCH") for row in rows):
        return 4
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
