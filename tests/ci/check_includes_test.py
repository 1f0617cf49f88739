"""ci/check_includes catches each kind of forbidden include in a small tree, and only those. Usage: this script CHECKER"""
import pathlib
import subprocess
import sys
import tempfile
import unittest

CHECKER = pathlib.Path(sys.argv.pop(1))


def run(files):
    """Exit code and output lines of the checker on a tree made of {path: text}."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "harness").mkdir()
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        done = subprocess.run([sys.executable, CHECKER, root], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout.splitlines()


class CheckIncludes(unittest.TestCase):
    def forbidden(self, path, included):
        code, lines = run({path: f'#pragma once\n#include "{included}"\n'})
        self.assertEqual(code, 1, f"{path} -> {included} passed")
        self.assertEqual(len(lines), 1)
        self.assertTrue(lines[0].startswith(f"{path}:2: includes {included}: "), lines[0])

    def allowed(self, path, included):
        code, lines = run({path: f'#include "{included}"\n'})
        self.assertEqual(code, 0, lines)

    def test_upward(self):
        self.forbidden("harness/base/a.h", "harness/stats/interval.h")
        self.forbidden("harness/stats/a.cc", "harness/report/table.h")
        self.forbidden("harness/run/a.cc", "harness/cli/main.h")

    def test_model_and_datasets_know_base_only(self):
        self.forbidden("model/a.cc", "harness/run/plan.h")
        self.forbidden("model/a.cc", "harness/stats/interval.h")
        self.forbidden("model/a.cc", "datasets/slice.h")
        self.forbidden("datasets/a.cc", "model/model.h")

    def test_report_does_not_reach_model(self):
        self.forbidden("harness/report/a.cc", "model/config.h")

    def test_torch_below_model_only(self):
        for header in ("torch/torch.h", "ATen/ATen.h", "c10/core/Device.h"):
            self.forbidden("harness/run/a.cc", header)
            self.forbidden("datasets/a.h", header)
            self.forbidden("tests/harness/run/a_test.cc", header)
            self.forbidden("model/weights/a.h", header)
            self.forbidden("model/model.h", header)
            self.allowed("model/layers/a.h", header)

    def test_nothing_includes_tests(self):
        self.forbidden("model/a.cc", "tests/model/helper.h")

    def test_unknown_room(self):
        self.forbidden("harness/new/a.cc", "harness/base/error.h")

    def test_angle_brackets_and_spaces(self):
        code, lines = run({"datasets/a.cc": "  #  include <model/model.h>\n"})
        self.assertEqual(code, 1, lines)

    def test_allowed(self):
        self.allowed("harness/cli/a.cc", "harness/report/table.h")
        self.allowed("harness/run/a.cc", "model/model.h")
        self.allowed("harness/run/a.cc", "datasets/slice.h")
        self.allowed("model/a.cc", "harness/base/error.h")
        self.allowed("tests/harness/run/a_test.cc", "harness/cli/main.h")
        self.allowed("harness/base/a.cc", "nlohmann/json.hpp")


if __name__ == "__main__":
    unittest.main()
