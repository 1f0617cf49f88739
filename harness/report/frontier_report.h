// What `plastometer search --frontier` prints and writes.
#pragma once
#include <string>

#include "harness/results/frontier.h"

namespace plastometer {

std::string FrontierTable(const FrontierRun& run, int width);
// As a run's results.json, and a block "frontier": choice, members with their
// layers as a profile file has them, comparisons, areas, criterion.
std::string FrontierJson(const FrontierRun& run);
// The pace as a profile file: --profiles file:PATH reads it.
std::string ProfileFileText(const Pace& pace);

// "yes", "no", "undecided", or "not available" where there is no gap to keep;
// "no" also where no profile saves so much.
std::string AnswerText(const FrontierJudgement& judgement,
                       const FrontierCriterion& criterion);

}  // namespace plastometer
