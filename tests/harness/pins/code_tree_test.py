"""cmake/code_tree in a small repository: what moves the id of the code and what keeps it. Usage: this script CODE_TREE"""
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(sys.argv.pop(1))
ENTRIES = ["CMakeLists.txt", "CMakePresets.json", "base/a.cc", "ci/check", "cmake/code_tree", "datasets/a.cc", "harness/a.cc", "model/a.cc"]
# Top-level folders that change no result; every other one that holds sources must move the id.
NO_CODE = {"baselines", "build", "docs", "goldens", "suites", "tests"}
SOURCES = {".cc", ".cmake", ".cu", ".cuh", ".h", ".in", ".inc", ""}  # no suffix: scripts
ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")} | {
    "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.org"}


def source_files():
    """One file of every source folder of the real tree, as its path there."""
    root = SCRIPT.resolve().parent.parent
    for top in sorted(root.iterdir()):
        if not top.is_dir() or top.name.startswith(".") or top.name in NO_CODE:
            continue
        for folder in [top, *sorted(path for path in top.rglob("*") if path.is_dir())]:
            files = sorted(f for f in folder.iterdir() if f.is_file() and (f.suffix in SOURCES or f.name == "CMakeLists.txt"))
            if files:
                yield files[0].relative_to(root).as_posix()


class CodeTree(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name) / "a tree"
        for entry in ENTRIES + ["docs/a.md", "tests/a.cc", "goldens/a.json", "suites/quick.json", "README.md"]:
            self.write(entry, "1\n")
        shutil.copy(SCRIPT, self.root / "cmake/code_tree")
        self.write(".gitignore", "*.o\n")
        self.git("init", "-q", "-b", "main")
        self.first = self.commit()

    def tearDown(self):
        self.folder.cleanup()

    def write(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def git(self, *arguments):
        return subprocess.run(["git", *arguments], cwd=self.root, env=ENVIRONMENT, check=True, capture_output=True, text=True).stdout

    def commit(self):
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "one more")
        return self.id()

    def run_script(self, *arguments):
        return subprocess.run([self.root / "cmake/code_tree", *arguments], cwd="/", env=ENVIRONMENT, capture_output=True, text=True, check=False)

    def id(self, *arguments):
        done = self.run_script(*arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    def source(self):
        file = pathlib.Path(self.folder.name) / "code_tree.cc"
        done = self.run_script("--source", str(file))
        self.assertEqual(done.returncode, 0, done.stderr)
        return file.read_text()

    def test_a_git_that_refuses_the_tree_is_heard(self):
        file = pathlib.Path(self.folder.name) / "code_tree.cc"
        done = subprocess.run([self.root / "cmake/code_tree", "--source", file], env=ENVIRONMENT | {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"},
                              capture_output=True, text=True, check=True)
        self.assertIn('"unknown"', file.read_text())
        self.assertIn("safe.directory", done.stderr)

    def test_is_forty_digits_and_the_same_of_tree_and_commit(self):
        self.assertRegex(self.first, "^[0-9a-f]{40}$")
        self.assertEqual(self.id("HEAD"), self.first)

    def test_documents_tests_suites_and_goldens_keep_it(self):
        for path in ["docs/a.md", "tests/a.cc", "goldens/a.json", "goldens/b.json", "suites/quick.json", "README.md"]:
            self.write(path, "2\n")
            self.assertEqual(self.commit(), self.first, path)
            self.assertEqual(self.id("HEAD"), self.first, path)

    def test_every_entry_of_code_moves_it_and_coming_back_brings_it_back(self):
        for path in ENTRIES:
            before = (self.root / path).read_text()
            self.write(path, before + "# 2\n")
            self.assertNotEqual(self.commit(), self.first, path)
            self.assertNotEqual(self.id("HEAD"), self.first, path)
            self.write(path, before)
            self.assertEqual(self.commit(), self.first, path)

    def test_one_byte_in_any_source_folder_of_the_real_tree_moves_it(self):
        paths = [path for path in source_files() if path != "cmake/code_tree"]
        for folder in ["base", "ci", "datasets/synthetic", "harness/results", "model/ops/portable/cpu"]:
            self.assertIn(folder, [os.path.dirname(path) for path in paths])
        for path in paths:
            self.write(path, "11\n")
        before = self.commit()
        for path in paths:
            self.write(path, "12\n")
            self.assertNotEqual(self.id(), before, path)
            self.write(path, "11\n")
        self.assertEqual(self.id(), before)

    def test_a_mode_moves_it(self):
        (self.root / "ci/check").chmod(0o755)
        self.assertNotEqual(self.id(), self.first)

    def test_squash_and_rebase_keep_it(self):
        self.git("checkout", "-q", "-b", "work")
        for text in ["2\n", "3\n"]:
            self.write("model/a.cc", text)
            last = self.commit()
        self.git("checkout", "-q", "main")
        self.write("docs/a.md", "2\n")
        self.commit()
        self.git("checkout", "-q", "work")
        self.git("rebase", "-q", "main")
        self.assertEqual(self.id(), last)
        self.git("checkout", "-q", "main")
        self.git("merge", "-q", "--squash", "work")
        self.assertEqual(self.commit(), last)
        self.assertEqual(self.id("HEAD"), self.id("work"))

    def test_edits_that_are_not_committed_move_it(self):
        self.assertIn("kPlastometerBuiltFromCommit = true", self.source())
        edits = [lambda: self.write("model/a.cc", "2\n"), lambda: self.write("model/new.cc", "1\n"), (self.root / "model/a.cc").unlink]
        for edit in edits:
            edit()
            self.assertNotEqual(self.id(), self.first)
            self.assertEqual(self.id("HEAD"), self.first)
            source = self.source()
            self.assertIn("kPlastometerBuiltFromCommit = false", source)
            self.assertIn(self.id(), source)
            self.git("stash", "-q", "-u")
        self.write("model/a.cc", "2\n")
        edited = self.id()
        self.git("add", "-A")
        self.assertEqual(self.id(), edited, "staged or not is the same tree")

    def test_edits_elsewhere_and_ignored_files_do_not(self):
        self.write("docs/a.md", "2\n")
        self.write("tests/new.cc", "2\n")
        self.write("model/a.o", "2\n")
        self.assertEqual(self.id(), self.first)
        self.assertIn("kPlastometerBuiltFromCommit = true", self.source())

    def test_the_source_is_written_only_when_it_changes(self):
        self.source()
        file = pathlib.Path(self.folder.name) / "code_tree.cc"
        os.utime(file, (1, 1))
        self.source()
        self.assertEqual(file.stat().st_mtime, 1)
        self.write("model/a.cc", "2\n")
        self.source()
        self.assertNotEqual(file.stat().st_mtime, 1)

    def test_outside_git_it_is_unknown(self):
        shutil.rmtree(self.root / ".git")
        self.assertEqual(self.id(), "unknown")
        self.assertIn('kPlastometerCodeTree = "unknown"', self.source())
        self.assertIn("kPlastometerBuiltFromCommit = false", self.source())

    def test_in_a_folder_of_another_repository_it_is_unknown(self):
        shutil.rmtree(self.root / ".git")
        subprocess.run(["git", "init", "-q", self.folder.name], env=ENVIRONMENT, check=True)
        self.assertEqual(self.id(), "unknown")

    def test_before_the_first_commit_it_is_unknown(self):
        shutil.rmtree(self.root / ".git")
        self.git("init", "-q")
        self.assertEqual(self.id(), "unknown")

    def test_a_work_tree_beside_gives_the_same(self):
        beside = pathlib.Path(self.folder.name) / "beside"
        self.git("worktree", "add", "-q", str(beside), "HEAD")
        done = subprocess.run([beside / "cmake/code_tree"], env=ENVIRONMENT, capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout.strip(), self.first)

    def test_git_is_left_as_it_was(self):
        self.write("model/a.cc", "2\n")
        self.write("model/new.cc", "2\n")

        def content():
            return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in (self.root / ".git").rglob("*") if path.is_file()}

        before = content()
        self.id()
        self.id("HEAD")
        self.source()
        self.assertEqual(content(), before)
        self.assertEqual(self.git("status", "--porcelain"), " M model/a.cc\n?? model/new.cc\n")

    def test_a_git_that_fails_is_an_error_not_the_index(self):
        self.write("model/a.cc", "2\n")
        (self.root / "datasets/a.cc").unlink()
        (self.root / "datasets").rmdir()
        self.git("rm", "-q", "--cached", "datasets/a.cc")  # git add has nothing to match
        done = self.run_script()
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertIn("datasets", done.stderr)


unittest.main()
