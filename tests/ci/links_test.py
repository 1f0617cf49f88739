"""Every link and every path that documents and comments name leads somewhere. Usage: this script ROOT

Checked: links of Markdown files ([text](path#heading)), paths in their backticks (`harness/run/plan.h`), and "docs/x.md" in sources.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
QUOTED = re.compile(r"`([^`\s]+)`")
DOCUMENT = re.compile(r"\b(?:docs|model/pretrained|tests|baselines)/[\w./-]+\.md\b")
TOPS = ("base/", "baselines/", "ci/", "cmake/", "datasets/", "docs/", "goldens/", "harness/", "model/", "suites/", "tests/")
PATTERN = re.compile(r"[*<>{}$:|]|\.\.\.|…")  # `harness/*`, `suites/<name>.json`: no path of one file
SOURCES = {".cc", ".cmake", ".cu", ".h", ".json", ".txt"}


def files(root):
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=root, capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        return sorted(path for path in map(root.joinpath, listed.stdout.splitlines()) if path.is_file())
    return sorted(path for path in root.rglob("*") if path.is_file())


def headings(path):
    """Anchors of a Markdown file, as GitHub and GitLab make them."""
    text = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.M | re.S)
    titles = re.findall(r"^#+ +(.*)$", text, flags=re.M)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def broken_link(path, target):
    if re.match(r"[a-z]+:", target):
        return None
    name, _, anchor = target.partition("#")
    file = path.parent / name if name else path
    if not file.exists():
        return "is not there"
    return f"has no heading #{anchor}" if anchor and file.suffix == ".md" and anchor not in headings(file) else None


def problems(root):
    for path in files(root):
        where = path.relative_to(root)
        if path.suffix == ".md":
            text = path.read_text()
            for target in LINK.findall(text):
                reason = broken_link(path, target)
                if reason:
                    yield f"{where}: {target} {reason}"
            for name in QUOTED.findall(text):
                if name.startswith(TOPS) and not PATTERN.search(name) and not (root / name).exists():
                    yield f"{where}: `{name}` is not there"
        elif path.suffix in SOURCES or path.parent == root / "ci":
            for name in DOCUMENT.findall(path.read_text(errors="replace")):
                if not (root / name).exists():
                    yield f"{where}: {name} is not there"


def selftest():
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "docs").mkdir()
        (root / "docs/a.md").write_text("# A b\n[x](a.md#a-b) [y](b.md) [z](a.md#c) `docs/none.h` `docs/*.h` [w](https://a.b/c)\n")
        (root / "a.cc").write_text("// docs/a.md, docs/gone.md\n")
        assert list(problems(root)) == ["a.cc: docs/gone.md is not there", "docs/a.md: b.md is not there",
                                        "docs/a.md: a.md#c has no heading #c", "docs/a.md: `docs/none.h` is not there"], list(problems(root))


selftest()
found = list(problems(pathlib.Path(sys.argv[1]).resolve()))
print("\n".join(found) if found else "every link leads somewhere")
sys.exit(1 if found else 0)
