"""ci/check_includes catches each kind of forbidden include in a small tree, and only those. Usage: this script CHECKER"""
import importlib.machinery
import importlib.util
import pathlib
import subprocess
import sys
import tempfile
import unittest

CHECKER = pathlib.Path(sys.argv.pop(1))
sys.dont_write_bytecode = True
LOADER = importlib.machinery.SourceFileLoader("check_includes", str(CHECKER))
RULES = importlib.util.module_from_spec(importlib.util.spec_from_loader("check_includes", LOADER))
LOADER.exec_module(RULES)


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
        self.assertEqual(len(lines), 1, lines)
        self.assertTrue(lines[0].startswith(f"{path}:2: includes {included}: "), lines[0])

    def allowed(self, path, included):
        code, lines = run({path: f'#include "{included}"\n'})
        self.assertEqual(code, 0, lines)

    def test_the_order_of_the_rooms(self):
        """Every pair of rooms, planted in both directions: what docs/architecture.md allows passes, everything else fails."""
        results = {"base", "harness/stats"} | {"harness/suite", "harness/pins", "harness/results"}
        ground = {"base", "model/config.h", "model/profile.h", "model/mixers/spec.h", "model/mixers/ttt/spec.h"}
        model = ground | {"model/weights", "model/mixers", "model/cost", "model/device", "model/ops", "model/model.h",
                 "model/layers", "model", "model/train", "model/adapt"}
        run = results | model | {"datasets", "datasets/synthetic", "harness/run"}
        ops = ground | {"model/weights", "model/cost", "model/device", "model/ops"}
        mixers = ops | {"model/mixers"}
        layers = mixers | {"model/layers", "model/model.h"}
        may = {
            "base": set(), "harness/stats": {"base"}, "harness/suite": {"base"}, "harness/pins": {"base"},
            "harness/results": results, "harness/golden": results | {"harness/golden"},
            "harness/report": results | {"harness/golden", "harness/report"},
            "harness/run": run, "harness/studies": run, "harness/check": run | {"harness/golden"},
            "harness/timing": run | {"harness/golden"},
            "harness/cli": run | {"harness/studies", "harness/golden", "harness/check", "harness/timing", "harness/report"},
            "datasets": {"base", "datasets/synthetic"}, "datasets/synthetic": {"base"},
            "model/weights": ground, "model/cost": ground, "model/device": {"base"}, "model/ops": ops, "model/mixers": mixers,
            "model/layers": layers, "model": layers,
            "model/train": layers | {"model"}, "model/adapt": layers | {"model", "model/train"},
        }
        places = set(may) | model
        for room, allowed in may.items():
            for target in places - {room}:
                if room == "model" and target == "model.h":
                    continue
                included = target if target.endswith(".h") else f"{target}/x.h"
                found = RULES.problem(f"{room}/a.cc", included)  # a process for each of 400 pairs would take half a minute
                self.assertEqual(found is None, target in allowed, f"{room} -> {target}: {found}")

    def test_a_ground_file_of_the_model_includes_base_alone(self):
        for path in ("model/config.cc", "model/profile.cc"):
            self.allowed(path, "base/error.h")
            self.forbidden(path, "model/cost/cost.h")
        self.forbidden("model/model.h", "model/layers/language_model.h")

    def test_a_mixers_spec_stands_on_config_alone(self):
        for path in ("model/mixers/spec.h", "model/mixers/ttt/spec.cc"):
            for header in ("base/counters.h", "model/config.h", "model/mixers/spec.h"):
                self.allowed(path, header)
            for header in ("model/mixers/mixer.h", "model/mixers/ttt/layer.h", "model/weights/names.h", "model/cost/cost.h",
                           "model/ops/ops.h", "ATen/ATen.h"):
                self.forbidden(path, header)
        self.allowed("model/mixers/ttt/layer.cc", "ATen/ATen.h")

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
        self.forbidden("harness/new/a.cc", "base/error.h")

    def test_angle_brackets_and_spaces(self):
        code, lines = run({"datasets/a.cc": "  #  include <model/model.h>\n"})
        self.assertEqual(code, 1, lines)

    def test_allowed(self):
        self.allowed("harness/cli/a.cc", "harness/report/table.h")
        self.allowed("harness/run/a.cc", "model/model.h")
        self.allowed("harness/run/a.cc", "datasets/slice.h")
        self.allowed("model/a.cc", "base/error.h")
        self.allowed("tests/harness/run/a_test.cc", "harness/cli/main.h")
        self.allowed("base/a.cc", "nlohmann/json.hpp")


if __name__ == "__main__":
    unittest.main()
