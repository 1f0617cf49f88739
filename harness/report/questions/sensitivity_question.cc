// RQ3: whether learning dies down in early layers sooner than elsewhere.
#include <utility>

#include "harness/report/questions/questions.h"
#include "harness/report/sections/sections.h"

namespace plastometer {
namespace {

struct Norm {
  const char *id, *name, *of;
  const DepthChange Learning::*change;
  const stats::Interval Learning::*depth;
};
constexpr Norm kNorms[] = {
    {"rq3", "gradient norm", "the gradient norms", &Learning::gradient_by_depth,
     &Learning::depth_gradient},
    {"rq3-relative", "relative update", "the relative updates",
     &Learning::relative_by_depth, &Learning::depth_relative}};

std::vector<SliceVerdict> Judge(const ReportRun& run, const Norm& norm) {
  return JudgeAll(run.results, [&](const std::string& slice) {
    const Learning& learning = *run.learning;
    const auto& difference = (learning.*norm.change).difference;
    SliceWorks compared;
    for (size_t w = 0; w < difference.size(); ++w)
      if (difference[w].weight > 0 &&
          (slice == "all" || learning.domain_of_work[w] == slice))
        compared.works.push_back(difference[w]);
    return compared;
  });
}

Question AskOne(const ReportRun& run, const Norm& norm) {
  Answer answer =
      OpenAnswer(norm.id + run.suffix,
                 std::string("RQ3, gradient sensitivity: do ") + norm.of +
                     " of early layers die down more than those of "
                     "the others while the model reads?");
  if (!run.learning)
    return NotAsked(answer,
                    "Not asked here: this run holds no statistics of the inner "
                    "loop; `plastometer run --resume " +
                        run.folder + " --stats` adds them.");
  answer.table_id = answer.id;
  answer.against =
      "all layers die down alike: early ones are compared with the others, "
      "after burn-in (the first quarter of a window is left out).";
  answer.would_change =
      "the opposite sign in every domain. Large updates do not say that a "
      "layer's learning is useful: that is RQ1.";
  Question question{answer, {}};
  question.contrasts.push_back(
      {answer.id,
       std::string("RQ3, ") + norm.name +
           ": log ratio of last to second quarter of a window, first quarter "
           "of the layers less all others",
       Judge(run, norm)});
  question.say = [&run, &norm](Question& q) {
    const DepthChange& change = *run.learning.*norm.change;
    q.answer.sentence =
        "Under `" + run.learning->profile + "` the " + norm.name +
        " changes from the second to the last quarter of a window by a log "
        "ratio of " +
        WithInterval(change.early, 3) +
        " in the first quarter of the layers and " +
        WithInterval(change.others, 3) + " in the others, a difference of " +
        WithInterval(q.contrasts[0].slices[0].contrast, 3) +
        " (below 0: early ones fall more). During burn-in, first to second "
        "quarter: " +
        WithInterval(change.early_burn_in, 3) + " and " +
        WithInterval(change.others_burn_in, 3) +
        ". Rank correlation of its size with the layer's index: " +
        WithInterval(*run.learning.*norm.depth, 2) + ".";
    Decide(q);
  };
  return question;
}

}  // namespace

std::vector<Question> AskSensitivity(const ReportRun& run) {
  std::vector<Question> questions;
  for (const Norm& norm : kNorms) questions.push_back(AskOne(run, norm));
  return questions;
}

}  // namespace plastometer
