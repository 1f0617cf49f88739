// Syntax and semantics: do early layers carry what function words need, and
// late ones what content words need?
#include <utility>

#include "harness/report/questions/questions.h"
#include "harness/report/sections/sections.h"
#include "harness/results/class_losses.h"
#include "harness/results/works.h"

namespace plastometer {
namespace {

constexpr char kRetina[] = "retina", kCortex[] = "cortex";

// What retina loses beyond cortex, of function words less that of content
// words: below 0 retina serves function words better, as the claim has it.
SliceWorks Interaction(const ReportRun& run, const std::string& slice, size_t p,
                       size_t q, bool at_equal_loss) {
  const ClassLosses& losses = *run.class_losses;
  const ByWork works =
      at_equal_loss
          ? losses.ContrastAtEqualLoss(p, q, FunctionWords(), ContentWords())
          : losses.Contrast(p, q, FunctionWords(), ContentWords());
  SliceWorks compared;
  for (size_t w = 0; w < works.size(); ++w)
    if (works[w].weight > 0 &&
        (slice == "all" || losses.domain_of_work()[w] == slice))
      compared.works.push_back(works[w]);
  compared.blocked =
      GapReason(GapOf(run, slice, run.results.record.frozen_idx));
  return compared;
}

}  // namespace

Question AskWords(const ReportRun& run) {
  Answer answer = OpenAnswer(
      "words-depth" + run.suffix,
      "Syntax and semantics: does learning in early layers (`retina`) serve "
      "function words, and in late ones (`cortex`) content words?");
  const auto retina = FindProfile(run.results.record, kRetina),
             cortex = FindProfile(run.results.record, kCortex);
  if (!run.class_losses || !retina || !cortex || retina == cortex)
    return NotAsked(answer,
                    "Not asked here: it needs `retina`, `cortex` and word "
                    "classes; `plastometer run --stats` measures them.");
  if (run.class_losses->Tokens(FunctionWords()) == 0 ||
      run.class_losses->Tokens(ContentWords()) == 0)
    return NotAsked(answer,
                    "Not asked here: the text has no function words or "
                    "no content words.");
  answer.table_id = "words-equal-loss" + run.suffix;
  answer.against =
      "function words are easier: compared within bins of equal loss under "
      "uniform as well as plainly.";
  answer.would_change = "the opposite sign in either comparison.";
  Question question{answer, {}};
  for (const bool at_equal_loss : {false, true})
    question.contrasts.push_back(
        {(at_equal_loss ? "words-equal-loss" : "words-plain") + run.suffix,
         std::string("Words: L(retina) - L(cortex) of function words less "
                     "that of content words") +
             (at_equal_loss ? ", at equal loss under uniform" : "") +
             ", nats per token",
         JudgeAll(run.results, [&](const std::string& slice) {
           return Interaction(run, slice, *retina, *cortex, at_equal_loss);
         })});
  question.say = [&run](Question& q) {
    const Measured gap = GapOf(run, "all", run.results.record.frozen_idx);
    q.answer.sentence =
        GapReason(gap).empty()
            ? "What `retina` loses beyond `cortex` is, on function words less "
              "on content words, " +
                  WithInterval(q.contrasts[0].slices[0].contrast, 3) +
                  " nats per token, and among tokens of equal loss " +
                  WithInterval(q.contrasts[1].slices[0].contrast, 3) +
                  " (below 0: as the claim has it)."
            : NoGapSentence(gap, "frozen");
    Decide(q);
  };
  return question;
}

}  // namespace plastometer
