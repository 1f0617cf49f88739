// What `plastometer check` found, for people and for pipelines.
#pragma once
#include <string>
#include <vector>

#include "harness/golden/compare.h"

namespace plastometer {

struct CheckReport {
  std::string suite, run_folder;
  std::vector<Comparison> comparisons;
  std::vector<std::string> notes;  // of --blame
  int exit_code = 0;               // before any policy
};

// Fits `width` columns, 80 suffice, except where one name or path is longer;
// verdicts are words. Every case that did not pass says what, by how much,
// where first and what to do.
std::string CheckTable(const CheckReport& report, int width);
std::string CheckJson(const CheckReport& report);
// A testsuite for the suite, a testcase for each case and tier.
std::string CheckJunit(const CheckReport& report);
// Markdown for $GITHUB_STEP_SUMMARY.
std::string CheckSummary(const CheckReport& report);
// ::error, ::warning and ::notice lines.
std::string CheckAnnotations(const CheckReport& report);

}  // namespace plastometer
