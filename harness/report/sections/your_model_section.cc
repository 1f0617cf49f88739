// What a run says for its model, in a few sentences.
#include <string>
#include <utility>

#include "base/text.h"
#include "harness/report/format.h"
#include "harness/report/questions/questions.h"
#include "harness/report/sections/sections.h"
#include "harness/results/works.h"

namespace plastometer {
namespace {

std::string GainSentence(const ReportRun& run) {
  const RunRecord& r = run.results.record;
  const auto& cases = run.results.all.cases;
  const Measured& gap = cases[r.frozen_idx].lost;
  const std::string why = GapReason(gap);
  const std::string perplexities =
      "perplexity " + Perplexity(cases[r.frozen_idx].perplexity) +
      " without it, " + Perplexity(cases[r.uniform_idx].perplexity) +
      " with it in all layers";
  if (!gap.value) return "Not available: a loss is not finite.";
  if (why == kLearningHurts)
    return "Learning while reading hurts this model: " + perplexities + ", " +
           NatsText(gap) + " nats per token.";
  if (!why.empty())
    return "No gain of learning while reading is shown: " + perplexities +
           ", " + NatsText(gap) + " nats per token.";
  return "Learning while reading is worth " + NatsText(gap) +
         " nats per token here" +
         (gap.low ? "" : " (an estimate: " + gap.reason + ")") + ": " +
         perplexities +
         (TrainedMasked(run)
              ? ". The model learned under `" + r.training.profile +
                    "`, so this is not the gain of one that learned under "
                    "`uniform`."
              : ". A frozen layer has also lost a mixer of its sequence, so "
                "this is more than adaptation to the document.");
}

// Profiles of which a cheaper or equal one predicts better, by corrected
// verdicts.
std::string NotWorthUsing(const std::vector<Question>& questions) {
  std::vector<std::string> beaten;
  for (const Contrast& c : Find(questions, "flops").contrasts)
    if (c.slices[0].judged.verdict == stats::Verdict::kNo)
      beaten.push_back("`" + c.id + "`");
  if (beaten.empty()) return "";
  return "By FLOPs, " + Join(beaten) + (beaten.size() == 1 ? " is" : " are") +
         " not worth using: another profile predicts better at no higher cost.";
}

}  // namespace

void AddForYourModel(const ReportRun& run, const std::vector<ReportRun>& runs,
                     const std::vector<Question>& questions, Page& page) {
  const auto& cases = run.results.all.cases;
  const CaseResult& frozen = cases[run.results.record.frozen_idx];
  Bullets bullets{{GainSentence(run)}};
  const auto add = [&](const std::string& text) {
    if (!text.empty()) bullets.items.push_back(text);
  };
  if (GapReason(frozen.lost).empty()) add(HorizonSentence(run, runs));
  add(Find(questions, "best").answer.sentence);
  if (frozen.flops_saved)
    add("Freezing every layer would save " + Percent(frozen.flops_saved) +
        " of the FLOPs: no profile can save more, however many updates it "
        "skips.");
  add(NotWorthUsing(questions));
  page.Add(
      Heading{2, "What this says for your model", "your-model" + run.suffix});
  page.Add(std::move(bullets));
}

}  // namespace plastometer
