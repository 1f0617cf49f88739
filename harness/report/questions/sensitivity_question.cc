// RQ3: whether learning dies down in early layers sooner than elsewhere.
#include <algorithm>
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

using ByDepth = std::vector<stats::WorkTotals> DepthChange::*;

std::vector<SliceVerdict> Judge(const ReportRun& run, const Norm& norm,
                                ByDepth by_work) {
  return JudgeAll(run.results, [&](const std::string& slice) {
    const Learning& learning = *run.learning;
    const auto& difference = (learning.*norm.change).*by_work;
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
                        run.folder +
                        " --stats` adds them (the build that made the run; "
                        "with another one, run it again).");
  const DepthChange& measured = *run.learning.*norm.change;
  if (std::ranges::none_of(measured.difference,
                           [](const auto& w) { return w.weight > 0; }))
    return NotAsked(answer,
                    "Not asked here: under `" + run.learning->profile +
                        "` early layers or all others do not learn, or the "
                        "windows are too short to have quarters.");
  answer.table_id = answer.id;
  answer.against =
      "all layers die down alike: early ones must fall, more than the others "
      "after burn-in (the first quarter of a window), and more than the others "
      "over the whole window, so that others which died down at once do not "
      "count as lasting.";
  answer.would_change =
      "the opposite sign in every domain. Large updates do not say that a "
      "layer's learning is useful: that is RQ1.";
  Question question{answer, {}};
  struct Part {
    const char *id, *what;
    ByDepth by_work;
  };
  for (const Part& part :
       {Part{"",
             "last to second quarter of a window, first quarter of the "
             "layers less all others",
             &DepthChange::difference},
        Part{"-early",
             "last to second quarter of a window, first quarter of "
             "the layers",
             &DepthChange::early_by_work},
        Part{"-window",
             "last to first quarter of a window, first quarter of "
             "the layers less all others",
             &DepthChange::whole_difference}})
    question.contrasts.push_back(
        {norm.id + std::string(part.id) + run.suffix,
         std::string("RQ3, ") + norm.name + ": log ratio of " + part.what,
         Judge(run, norm, part.by_work)});
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
        " (below 0: early ones fall more), over the whole window " +
        WithInterval(q.contrasts[2].slices[0].contrast, 3) +
        ". During burn-in, first to second "
        "quarter: " +
        WithInterval(change.early_burn_in, 3) + " and " +
        WithInterval(change.others_burn_in, 3) +
        ". Over layers, its size has a rank correlation of " +
        WithInterval(*run.learning.*norm.depth, 2) +
        " with depth (above 0: larger in later layers).";
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
