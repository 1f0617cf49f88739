// Verdicts of a contrast: all text together and each domain, by the rules of
// docs/report.md (Answers).
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "harness/report/page/page.h"
#include "harness/results/summary.h"
#include "harness/stats/bootstrap.h"
#include "harness/stats/contrast.h"

namespace plastometer {

struct SliceVerdict {
  std::string slice;  // "all" or a domain
  int64_t works = 0;
  stats::Interval contrast;
  double level = stats::kUnknown, adjusted = stats::kUnknown;
  bool enough = false;  // works for a verdict
  stats::Verdict verdict = stats::Verdict::kUndecided;
};

// A contrast by work: negative means yes.
using WorksOf =
    std::function<std::vector<stats::WorkTotals>(const std::string& slice)>;

// All text together, then each domain; levels of the domains corrected
// together.
std::vector<SliceVerdict> JudgeAll(const std::vector<std::string>& domains,
                                   uint64_t seed, const WorksOf& works_of);

// The domains and the seed of a run.
std::vector<SliceVerdict> JudgeAll(const Results& results,
                                   const WorksOf& works_of);

// One only where the domains that have enough works and all text together say
// the same.
struct Overall {
  stats::Verdict verdict = stats::Verdict::kUndecided;
  std::string why;                   // empty unless undecided
  std::vector<std::string> without;  // domains with too few works
};
Overall OverallOf(const std::vector<SliceVerdict>& verdicts);
// " Undecided: ... No verdict for ..."; empty when there is nothing to say.
std::string Caveat(const Overall& overall);

Table VerdictTable(const std::string& id, const std::string& caption,
                   const std::vector<SliceVerdict>& verdicts);

// "not available", until there is more to say.
Answer OpenAnswer(const std::string& id, const std::string& question);

}  // namespace plastometer
