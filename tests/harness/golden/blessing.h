// What may be blessed: a commit's own program, and a golden that it measured.
#pragma once
#include <string>

#include "harness/golden/bless.h"
#include "tests/harness/golden/whole_golden.h"

namespace plastometer {

inline BlessEnvironment AtACommit() {
  BlessEnvironment e;
  e.code_tree = std::string(40, 'd');
  e.built_from_commit = true;
  e.author = "A. Author <a@example.org>";
  e.date_utc = "2026-02-03T04:05:06Z";
  return e;
}

inline Golden PendingGolden(const std::string& name, double nll_nats) {
  Golden golden = Whole();
  golden.pins.name = name;
  golden.metrics.values = {{"nll_nats", nll_nats},
                           {"nll_sum_nats", nll_nats * 552}};
  return golden;
}

}  // namespace plastometer
