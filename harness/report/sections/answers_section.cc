// The research questions at the top, each with its verdict, interval and table.
#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "base/text.h"
#include "harness/report/format.h"
#include "harness/report/sections/sections.h"
#include "harness/report/sections/verdicts.h"
#include "harness/results/works.h"

namespace plastometer {
namespace {

constexpr char kProfile[] = "early:25%", kMirror[] = "late:25%";
// The part of the gap that may be lost.
constexpr double kAllowed = 0.05;

struct Coefficient {
  double value;
  size_t profile;
};

std::vector<SliceVerdict> JudgeContrast(
    const ReportRun& run, const std::vector<Coefficient>& coefficients) {
  return JudgeAll(run.results, [&](const std::string& slice) {
    const RunRecord& record = run.results.record;
    const WorkSums works = SumByWork(record, WindowsOf(record, slice));
    std::vector<stats::Term> terms;
    for (const Coefficient& c : coefficients)
      terms.push_back({c.value, Totals(works, c.profile)});
    return stats::Combine(terms);
  });
}

// Of the early layers' change while reading: the works that have one.
std::vector<SliceVerdict> JudgeSensitivity(const ReportRun& run) {
  return JudgeAll(run.results, [&](const std::string& slice) {
    const Learning& learning = *run.learning;
    std::vector<stats::WorkTotals> works;
    for (size_t w = 0; w < learning.early_change.size(); ++w)
      if (learning.early_change[w].weight > 0 &&
          (slice == "all" || learning.domain_of_work[w] == slice))
        works.push_back(learning.early_change[w]);
    return works;
  });
}

// What a frozen layer is: at its learned start state, or at the mean state of
// text that it was trained on.
struct Arm {
  const char *id, *name, *meaning, *profile, *frozen;
};
constexpr Arm kArms[] = {
    {"rq1", "post-hoc",
     "layers frozen after training, at their learned start state", kProfile,
     "frozen"},
    {"rq1-mean-state", "mean-state",
     "frozen layers at the mean trained-text state", "early:25%;start=mean",
     "frozen;start=mean"}};

// Profile and frozen of an arm, where both were measured.
std::optional<std::pair<size_t, size_t>> ProfilesOf(const ReportRun& run,
                                                    const Arm& arm) {
  const auto p = FindProfile(run.results.record, arm.profile),
             frozen = FindProfile(run.results.record, arm.frozen);
  if (!p || !frozen) return std::nullopt;
  return std::pair(*p, *frozen);
}

std::vector<Coefficient> EfficiencyContrast(const ReportRun& run, size_t p,
                                            size_t frozen) {
  return {{1, p},
          {-kAllowed, frozen},
          {kAllowed - 1, run.results.record.uniform_idx}};
}

std::string RunWith(const std::string& profiles) {
  return "`plastometer run --profiles \"" + profiles + "\"`";
}

// A model that learned with layers frozen is no post-hoc model.
bool TrainedMasked(const ReportRun& run) {
  const std::string& profile = run.results.record.training.profile;
  return !profile.empty() && profile != "uniform";
}

Answer Efficiency(const ReportRun& run, const Arm& arm) {
  Answer answer =
      OpenAnswer(arm.id + run.suffix,
                 std::string("RQ1, efficiency, arm ") + arm.name +
                     ": do the first 25 % of the layers keep 95 % of what "
                     "test-time training brings?");
  const auto profiles = ProfilesOf(run, arm);
  if (TrainedMasked(run)) {
    answer.sentence = "This model learned under `" +
                      run.results.record.training.profile +
                      "`: its arm needs the runs of uniform-trained and "
                      "frozen-trained models beside it.";
    return answer;
  }
  if (!profiles) {
    answer.sentence = "It needs `" + std::string(arm.profile) + "` and `" +
                      arm.frozen + "`; " +
                      RunWith("uniform frozen " + std::string(arm.profile) +
                              " " + arm.frozen) +
                      " measures both.";
    return answer;
  }
  const auto [p, frozen] = *profiles;
  const auto verdicts = JudgeContrast(run, EfficiencyContrast(run, p, frozen));
  const Overall overall = OverallOf(verdicts);
  const auto& cases = run.results.all.cases;
  const RunRecord& record = run.results.record;
  const Measured kept = Retention(SumByWork(record, WindowsOf(record, "all")),
                                  p, record.uniform_idx, frozen);
  answer.verdict = VerdictText(overall.verdict);
  answer.sentence =
      std::string("With ") + arm.meaning + ", `" + arm.profile + "` (layers " +
      cases[p].plastic_layers + ") keeps " + WithInterval(kept, 1, 100) +
      " % of the gap of " + WithInterval(cases[frozen].lost, 3) +
      " nats per token between `" + arm.frozen + "` and `uniform`; it lies " +
      WithInterval(verdicts[0].contrast, 4) +
      " nats above the line of 95 %. Inner updates saved: " +
      Percent(cases[p].updates_saved) +
      ", FLOPs saved: " + Percent(cases[p].flops_saved) + "." + Caveat(overall);
  answer.table_id = answer.id;
  answer.would_change =
      "a contrast whose interval lies on the other side of 0 in every domain. "
      "A model trained with these layers frozen is another arm, decided over "
      "three training seeds or more.";
  return answer;
}

Answer Depth(const ReportRun& run) {
  Answer answer =
      OpenAnswer("depth" + run.suffix,
                 "Depth claim: is learning in early layers worth more than in "
                 "as many late ones?");
  const auto early = FindProfile(run.results.record, kProfile),
             late = FindProfile(run.results.record, kMirror);
  if (!early || !late || early == late) {
    answer.sentence = "It needs `early:25%` and `late:25%`; " +
                      RunWith("uniform early:25% late:25% frozen") +
                      " measures both.";
    return answer;
  }
  const auto verdicts = JudgeContrast(run, {{1, *early}, {-1, *late}});
  const Overall overall = OverallOf(verdicts);
  const auto& cases = run.results.all.cases;
  answer.verdict = VerdictText(overall.verdict);
  answer.sentence =
      "Arm post-hoc: `early:25%` minus `late:25%` is " +
      WithInterval(verdicts[0].contrast, 3) +
      " nats per token (below 0: early is better); retention " +
      WithInterval(cases[*early].retention, 1, 100) + " % against " +
      WithInterval(cases[*late].retention, 1, 100) + " %." + Caveat(overall);
  answer.table_id = "depth" + run.suffix;
  answer.would_change =
      "the opposite sign in every domain; single layers, dropped and alone, "
      "would say which ones carry it.";
  return answer;
}

Answer Sensitivity(const ReportRun& run) {
  Answer answer = OpenAnswer(
      "rq3" + run.suffix,
      "RQ3, gradient sensitivity: do updates of the early layers die "
      "down while the model reads?");
  if (!run.learning) {
    answer.sentence =
        "This run holds no statistics of the inner loop; `plastometer run "
        "--resume " +
        run.folder + " --stats` adds them.";
    return answer;
  }
  const Learning& learning = *run.learning;
  const auto verdicts = JudgeSensitivity(run);
  const Overall overall = OverallOf(verdicts);
  answer.verdict = VerdictText(overall.verdict);
  answer.sentence =
      "Under `" + learning.profile +
      "`, over time: the relative update of the first quarter of the layers "
      "changes by a log ratio of " +
      WithInterval(verdicts[0].contrast, 3) +
      " from the first to the last quarter of a window (below 0: it falls), "
      "the raw gradient by " +
      WithInterval(learning.early_gradient_change, 3) +
      " (fast weights grow, so the relative update falls sooner). Over depth: "
      "rank correlation with the layer's index " +
      WithInterval(learning.depth_relative, 2) +
      " for the relative update and " +
      WithInterval(learning.depth_gradient, 2) +
      " for the raw gradient, which follows the scale of activations." +
      Caveat(overall);
  answer.table_id = "rq3" + run.suffix;
  answer.would_change =
      "the opposite sign in every domain. Large updates do not say that a "
      "layer's learning is useful: that is RQ1.";
  return answer;
}

}  // namespace

void AddAnswers(const ReportRun& run, Page& page) {
  for (const Arm& arm : kArms) page.Add(Efficiency(run, arm));
  AddStabilityAnswers(run, page);
  page.Add(Sensitivity(run));
  page.Add(Depth(run));
}

void AddAnswerTables(const ReportRun& run, Page& page) {
  page.Add(Heading{2, "Behind the answers", "behind" + run.suffix});
  const auto early = FindProfile(run.results.record, kProfile),
             late = FindProfile(run.results.record, kMirror);
  for (const Arm& arm : kArms) {
    const auto profiles = ProfilesOf(run, arm);
    if (!profiles || TrainedMasked(run)) continue;
    page.Add(VerdictTable(
        arm.id + run.suffix,
        std::string("RQ1, arm ") + arm.name + ": L(" + arm.profile +
            ") - 0.05 L(" + arm.frozen + ") - 0.95 L(uniform), nats per token",
        JudgeContrast(
            run, EfficiencyContrast(run, profiles->first, profiles->second))));
  }
  if (early && late && early != late)
    page.Add(VerdictTable("depth" + run.suffix,
                          "Depth: L(early:25%) - L(late:25%), nats per token",
                          JudgeContrast(run, {{1, *early}, {-1, *late}})));
  AddStabilityTables(run, page);
  if (run.learning)
    page.Add(VerdictTable(
        "rq3" + run.suffix,
        "RQ3: log ratio of the early layers' relative update, last quarter of "
        "a window over the first",
        JudgeSensitivity(run)));
}

void AddForYourModel(const ReportRun& run, Page& page) {
  const auto& cases = run.results.all.cases;
  const RunRecord& r = run.results.record;
  const CaseResult& frozen = cases[r.frozen_idx];
  Bullets bullets;
  if (frozen.lost.value)
    bullets.items.push_back(
        "Learning while reading is worth " + WithInterval(frozen.lost, 3) +
        " nats per token here: perplexity " + Perplexity(frozen.perplexity) +
        " without it, " + Perplexity(cases[r.uniform_idx].perplexity) +
        " with it in all layers. A frozen layer has also lost a mixer of its "
        "sequence, so this is more than adaptation to the document.");
  const CaseResult* best = nullptr;
  for (size_t p = 0; p < cases.size(); ++p)
    if (cases[p].updates_saved.value_or(0) > 0 && p != r.frozen_idx &&
        cases[p].retention.value &&
        (!best || *cases[p].retention.value > *best->retention.value))
      best = &cases[p];
  if (best && *best->retention.value <= 0)
    bullets.items.emplace_back("No profile that was tried keeps any of that.");
  if (best && *best->retention.value > 0)
    bullets.items.push_back(
        "Of the profiles tried, `" + best->profile + "` keeps most: " +
        WithInterval(best->retention, 1, 100) + " % of that, with " +
        Percent(best->updates_saved) + " of the inner updates saved and " +
        Percent(best->flops_saved) + " of the FLOPs.");
  if (frozen.flops_saved)
    bullets.items.push_back(
        "Freezing every layer would save " + Percent(frozen.flops_saved) +
        " of the FLOPs: no profile can save more, however many updates it "
        "skips.");
  for (const char* cost : {"flops", "ms_per_1k_tokens"}) {
    std::vector<std::string> beaten;
    for (const CaseResult& row : cases)
      if (!row.pareto.at(cost).value_or(true))
        beaten.push_back("`" + row.profile + "`");
    if (!beaten.empty())
      bullets.items.push_back(
          std::string("By ") +
          (std::string(cost) == "flops" ? "FLOPs" : "measured time") + ", " +
          Join(beaten) + (beaten.size() == 1 ? " is" : " are") +
          " not worth using: another profile predicts better at no higher "
          "cost.");
  }
  if (bullets.items.empty())
    bullets.items.emplace_back("Not available: a loss is not finite.");
  page.Add(
      Heading{2, "What this says for your model", "your-model" + run.suffix});
  page.Add(std::move(bullets));
}

}  // namespace plastometer
