// Verdicts of contrasts: all text together and each domain, by the rules of
// docs/report.md (Answers). A question is asked first, of every run; then the
// levels of all are corrected together; then it is answered.
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

// A loss or a norm that a comparison rests on.
inline constexpr char kNotFinite[] = "a value is not finite";

struct SliceVerdict {
  std::string slice;  // "all" or a domain
  int64_t works = 0;
  stats::Interval contrast;
  bool enough = false;  // works for a verdict
  // Why this slice cannot be judged: there is no gap to keep a share of,
  // learning hurts there, or kNotFinite. Empty: it can.
  std::string blocked;
  stats::Judged judged;
};

// A quantity by work of a slice: negative means yes.
struct SliceWorks {
  std::vector<stats::WorkTotals> works;
  std::string blocked = {};
};
using WorksOf = std::function<SliceWorks(const std::string& slice)>;

// All text together, then each domain. Levels by exact sign flips over works,
// not yet corrected.
std::vector<SliceVerdict> JudgeAll(const std::vector<std::string>& domains,
                                   uint64_t seed, const WorksOf& works_of);
// The domains and the seed of a run.
std::vector<SliceVerdict> JudgeAll(const Results& results,
                                   const WorksOf& works_of);

// A comparison that an answer rests on, and its table.
struct Contrast {
  std::string id, caption;
  std::vector<SliceVerdict> slices;
};

struct Question {
  Answer answer;  // as it stands where nothing was asked
  std::vector<Contrast> contrasts;
  // Fills verdict and sentence from corrected contrasts; empty: nothing asked.
  std::function<void(Question&)> say = {};
};

// "yes" only where every contrast says yes in all text together and in each
// domain with enough works; "no" where one says no everywhere.
struct Overall {
  stats::Verdict verdict = stats::Verdict::kUndecided;
  std::string why;      // empty unless undecided
  std::string needs;    // what would decide it then
  std::string blocked;  // of all text together: there is no verdict
  std::vector<std::string> without;  // domains with too few works
};
Overall OverallOf(const std::vector<SliceVerdict>& verdicts);
Overall OverallOf(const std::vector<Contrast>& contrasts);
// Verdict and caveat of the answer, from its contrasts.
void Decide(Question& question);
// " Undecided: ... No verdict for ..."; empty when there is nothing to say.
std::string Caveat(const Overall& overall);

Table VerdictTable(const Contrast& contrast);

// "not available", until there is more to say.
Answer OpenAnswer(const std::string& id, const std::string& question);
// A question that this run cannot be asked: what would answer it.
Question NotAsked(Answer answer, const std::string& why);

}  // namespace plastometer
