"""The workflows say what the program, the presets and the scripts really take, and keep forks away from our machines.

Usage: this script ROOT [PLASTOMETER]     Without the program, options are looked up in the sources of harness/cli.
"""
import functools
import json
import pathlib
import re
import subprocess
import sys
import unittest

try:
    import yaml
except ImportError:  # said below; what is textual is checked all the same
    yaml = None

ROOT = pathlib.Path(sys.argv.pop(1))
PROGRAM = sys.argv.pop(1) if len(sys.argv) > 1 else None
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.y*ml"))
GROUPS = ("data", "golden")  # their subcommands have the options
# The rest of a command ends where the shell starts another one, or where a quoted argument starts.
COMMAND = re.compile(r"plastometer ([a-z]+)(?: ([a-z]+)(?![\w/.]))?([^|&;<>`\"\\\n]*)")
OPTION = re.compile(r"(?<!\S)--[a-z][a-z-]*")


def code(path):
    """The file without comments, continued lines joined."""
    text = re.sub(r"(^|\s)#.*", r"\1", path.read_text())
    return text.replace("\\\n", " ")


def commands(text):
    """(words that name the command, its options) for every `plastometer X ...`."""
    for match in COMMAND.finditer(text):
        words = (match[1], match[2]) if match[1] in GROUPS else (match[1],)
        yield words, OPTION.findall(match[0])


@functools.cache
def options_of(words):
    if PROGRAM is None:
        sources = "".join(p.read_text() for p in (ROOT / "harness/cli").glob("*.cc"))
        return set(re.findall(r"--[a-z][a-z-]*", sources)) if f'"{words[-1]}"' in sources else None
    done = subprocess.run([PROGRAM, *words, "--help"], capture_output=True, text=True, check=False, timeout=60)
    # An unknown command gets the help of the whole program.
    if done.returncode or not re.search(rf"^Usage: plastometer.* {words[-1]} ", done.stdout, re.M):
        return None
    return set(re.findall(r"--[a-z][a-z-]*", done.stdout))


class Workflows(unittest.TestCase):
    def test_there_are_some(self):
        self.assertLessEqual({"cpu.yml", "gpu.yml", "nightly.yml", "bless.yml"}, {p.name for p in WORKFLOWS})

    def test_commands_exist_with_their_options(self):
        seen = 0
        for path in [*WORKFLOWS, ROOT / "docs/ci.md"]:
            for words, options in commands(code(path) if path in WORKFLOWS else path.read_text()):
                with self.subTest(file=path.name, command=" ".join(words)):
                    known = options_of(words)
                    self.assertIsNotNone(known, "plastometer has no such command")
                    self.assertLessEqual(set(options), known)
                    seen += len(options)
        self.assertGreater(seen, 8, "hardly an option was found: the search for commands is broken")

    def test_presets_and_scripts_exist(self):
        presets = json.loads((ROOT / "CMakePresets.json").read_text())
        names = {p["name"] for p in presets["configurePresets"] if not p.get("hidden")}
        for path in WORKFLOWS:
            self.assertLessEqual(set(re.findall(r"--preset (\S+)", code(path))), names, path.name)
            for script in re.findall(r"(?<![\w/.])ci/[a-z_]+(?![\w.])", code(path)):
                self.assertTrue((ROOT / script).is_file(), f"{path.name}: {script}")

    def test_forks_get_no_rights(self):
        for path in WORKFLOWS:
            text = code(path)
            self.assertNotIn("pull_request_target", text, path.name)
            self.assertNotRegex(text, r":\s*write\b", path.name)
            self.assertNotIn("secrets.", text, path.name)
            self.assertRegex(text, r"(?m)^permissions:\n  contents: read$", path.name)
            if "self-hosted" in text:
                self.assertIn("github.event.pull_request.head.repo.full_name == github.repository", text, path.name)
                self.assertRegex(text, r"(?m)^    environment: ", path.name)

    def test_actions_are_pinned_by_commit(self):
        seen = 0
        for path in WORKFLOWS:
            for line in re.findall(r"(?m)^.*\buses:.*$", path.read_text()):
                seen += 1
                self.assertRegex(line, r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+$", f"{path.name}: a tag can be moved to other code")
        self.assertGreater(seen, 8)

    def test_checkouts_leave_no_token(self):
        for path in WORKFLOWS:
            text = code(path)
            self.assertEqual(text.count("actions/checkout@"), text.count("persist-credentials: false"), path.name)

    @unittest.skipIf(yaml is None, "python3-yaml is missing: only what is textual was checked")
    def test_yaml(self):
        for path in WORKFLOWS:
            content = yaml.safe_load(path.read_text())
            for name, job in content["jobs"].items():
                self.assertIn("timeout-minutes", job, f"{path.name}: {name}")
                # Rights are the workflow's, which test_forks_get_no_rights reads.
                self.assertNotIn("permissions", job, f"{path.name}: {name}")
                for step in job["steps"]:
                    # A value goes into a shell by `env`, where it stays one word.
                    self.assertNotIn("${{", step.get("run", ""), f"{path.name}: {name}: {step.get('name')}")
                    self.assertEqual(("run" in step) + ("uses" in step), 1, f"{path.name}: {name}: {step}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
