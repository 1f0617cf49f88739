// RQ1, and what else is asked of losses alone.
#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "base/text.h"
#include "harness/report/format.h"
#include "harness/report/questions/questions.h"
#include "harness/report/sections/sections.h"
#include "harness/results/works.h"

namespace plastometer {
namespace {

// The part of the gap that may be lost.
constexpr double kAllowed = 0.05;

// What a frozen layer is: at its learned start state, or at the mean state of
// text that it was trained on.
struct Arm {
  const char *id, *name, *meaning, *profile, *frozen;
};
constexpr Arm kArms[] = {
    {"rq1", "post-hoc",
     "layers frozen after training, at their learned start state", kEarly,
     "frozen"},
    {"rq1-mean-state", "mean-state",
     "frozen layers at the mean trained-text state", "early:25%;start=mean",
     "frozen;start=mean"}};

constexpr char kAgainstNoGap[] =
    "a share of nothing: it is asked only where the lower end of the gap "
    "L(frozen) - L(uniform) is above 0.";

// L(p) - 0.05 L(frozen) - 0.95 L(uniform), where there is a gap.
SliceWorks KeptContrast(const ReportRun& run, const std::string& slice,
                        size_t p, size_t frozen) {
  SliceWorks compared =
      LossContrast(run, slice,
                   {{1, p},
                    {-kAllowed, frozen},
                    {kAllowed - 1, run.results.record.uniform_idx}});
  compared.blocked = GapReason(GapOf(run, slice, frozen));
  return compared;
}

std::string EfficiencySentence(const ReportRun& run, const Arm& arm, size_t p,
                               size_t frozen, const Contrast& contrast) {
  const RunRecord& record = run.results.record;
  const Measured gap = GapOf(run, "all", frozen);
  if (!GapReason(gap).empty()) return NoGapSentence(gap, arm.frozen);
  const auto& cases = run.results.all.cases;
  const WorkSums works = SumByWork(record, AllWindows(record));
  const auto kept = [&](size_t profile) {  // of this arm's gap
    return WithInterval(Retention(works, profile, record.uniform_idx, frozen,
                                  static_cast<uint64_t>(record.seed)),
                        1, 100);
  };
  std::string text = std::string("With ") + arm.meaning + ", `" + arm.profile +
                     "` (layers " + cases[p].plastic_layers + ") keeps " +
                     kept(p) + " % of the gap of " + WithInterval(gap, 3) +
                     " nats per token between `" + arm.frozen +
                     "` and `uniform`; that is " +
                     WithInterval(contrast.slices[0].contrast, 4) +
                     " nats worse than keeping 95 % (below 0: better). "
                     "Inner updates saved: " +
                     Percent(cases[p].updates_saved) +
                     ", FLOPs saved: " + Percent(cases[p].flops_saved) + ".";
  if (const auto often = LessOften(run, p))
    text += " `" + cases[*often].profile + "` takes as many steps and keeps " +
            kept(*often) + " %.";
  return text;
}

Question AskArm(const ReportRun& run, const Arm& arm) {
  Answer answer =
      OpenAnswer(arm.id + run.suffix,
                 std::string("RQ1, efficiency, arm ") + arm.name +
                     ": do the first 25 % of the layers keep 95 % of what "
                     "test-time training brings?");
  const RunRecord& record = run.results.record;
  if (TrainedMasked(run))
    return NotAsked(answer, "This model learned under `" +
                                record.training.profile +
                                "`: its arm needs the runs of uniform-trained "
                                "and frozen-trained models beside it.");
  const auto p = FindProfile(record, arm.profile),
             frozen = FindProfile(record, arm.frozen);
  if (!p || !frozen)
    return NotAsked(
        answer, "Not asked here: it needs `" + std::string(arm.profile) +
                    "` and `" + arm.frozen + "`; " +
                    RunWith(run, "uniform frozen " + std::string(arm.profile) +
                                     (std::string(arm.frozen) == "frozen"
                                          ? ""
                                          : std::string(" ") + arm.frozen)) +
                    " measures both.");
  answer.table_id = answer.id;
  answer.against = kAgainstNoGap;
  answer.would_change =
      "a contrast whose interval lies on the other side of 0 in every domain. "
      "A model trained with these layers frozen is another arm, decided over "
      "three training seeds or more.";
  Question question{answer, {}};
  question.contrasts.push_back(
      {answer.id,
       std::string("RQ1, arm ") + arm.name + ": L(" + arm.profile +
           ") - 0.05 L(" + arm.frozen + ") - 0.95 L(uniform), nats per token",
       JudgeAll(run.results, [&](const std::string& slice) {
         return KeptContrast(run, slice, *p, *frozen);
       })});
  question.say = [&run, &arm, p = *p, frozen = *frozen](Question& q) {
    q.answer.sentence = EfficiencySentence(run, arm, p, frozen, q.contrasts[0]);
    Decide(q);
  };
  return question;
}

}  // namespace

std::vector<Question> AskEfficiency(const ReportRun& run) {
  std::vector<Question> questions;
  for (const Arm& arm : kArms) questions.push_back(AskArm(run, arm));
  return questions;
}

Question AskTime(const ReportRun& run) {
  Answer answer = OpenAnswer(
      "time" + run.suffix,
      "Time or depth: with as many updates, is it better to learn less often "
      "in all layers than always in a quarter of them?");
  const RunRecord& record = run.results.record;
  const auto early = FindProfile(record, kEarly),
             late = FindProfile(record, kLate);
  const auto often = early ? LessOften(run, *early) : std::nullopt;
  if (!early || !late || !often)
    return NotAsked(answer,
                    "Not asked here: it needs `early:25%`, `late:25%` and "
                    "`uniform;every=n` with as many updates; " +
                        RunWith(run,
                                "uniform early:25% late:25% uniform;every=4 "
                                "frozen") +
                        " measures them where 25 % of the layers are a whole "
                        "number.");
  const std::string name = record.profiles[*often].name;
  answer.table_id = "time-early" + run.suffix;
  answer.against =
      "fewer updates: those compared take as many. Not decided: how much of "
      "it is that a layer which learns now and then still mixes the sequence, "
      "and a frozen one does not.";
  answer.would_change = "the other sign in the comparison that decided.";
  Question question{answer, {}};
  for (const auto& [id, other] :
       {std::pair{"time-early", *early}, std::pair{"time-late", *late}}) {
    question.contrasts.push_back(
        {id + run.suffix,
         "Time or depth: L(" + name + ") - L(" + record.profiles[other].name +
             "), nats per token",
         JudgeAll(run.results, [&, other = other](const std::string& slice) {
           SliceWorks compared =
               LossContrast(run, slice, {{1, *often}, {-1, other}});
           compared.blocked = GapReason(GapOf(run, slice, record.frozen_idx));
           return compared;
         })});
  }
  question.say = [&run, name, often = *often, early = *early,
                  late = *late](Question& q) {
    const auto& cases = run.results.all.cases;
    const Measured gap = GapOf(run, "all", run.results.record.frozen_idx);
    if (!GapReason(gap).empty()) {
      q.answer.sentence = NoGapSentence(gap, "frozen");
    } else {
      q.answer.sentence =
          (TrainedMasked(run) ? ArmText(run) + "with " : "With ") +
          Percent(cases[often].updates_saved) + " of the updates saved, `" +
          name + "` keeps " + WithInterval(cases[often].retention, 1, 100) +
          " % of the gap, `early:25%` " +
          WithInterval(cases[early].retention, 1, 100) + " %, `late:25%` " +
          WithInterval(cases[late].retention, 1, 100) + " %; it lies " +
          WithInterval(q.contrasts[0].slices[0].contrast, 3) + " and " +
          WithInterval(q.contrasts[1].slices[0].contrast, 3) +
          " nats per token from the two (below 0: better). FLOPs saved, in "
          "the same order: " +
          Percent(cases[often].flops_saved) + ", " +
          Percent(cases[early].flops_saved) + ", " +
          Percent(cases[late].flops_saved) + ".";
    }
    Decide(q);
  };
  return question;
}

Question AskBest(const ReportRun& run) {
  Answer answer = OpenAnswer("best" + run.suffix, "");
  const RunRecord& record = run.results.record;
  const auto& cases = run.results.all.cases;
  std::vector<size_t> savers;
  for (const size_t p : Candidates(record))
    if (cases[p].updates_saved.value_or(0) > 0 && p != record.frozen_idx &&
        cases[p].retention.value)
      savers.push_back(p);
  std::ranges::stable_sort(savers, [&](size_t a, size_t b) {
    return *cases[a].retention.value > *cases[b].retention.value;
  });
  const Measured gap = GapOf(run, "all", record.frozen_idx);
  if (!GapReason(gap).empty() || savers.empty() ||
      *cases[savers[0]].retention.value <= 0)
    return {answer, {}};
  Question question{answer, {}};
  // Better than every other one: the largest of these levels is its level, so
  // no correction for their number is due.
  const auto seed = static_cast<uint64_t>(record.seed);
  std::vector<SliceVerdict> against;
  for (size_t i = 1; i < savers.size(); ++i)
    against.push_back(JudgeAll({}, seed, [&](const std::string& slice) {
      return LossContrast(run, slice, {{1, savers[0]}, {-1, savers[i]}});
    })[0]);
  if (!against.empty())
    question.contrasts.push_back(
        {"best" + run.suffix,
         "",
         {*std::ranges::max_element(against, {}, [](const SliceVerdict& v) {
           return v.judged.verdict == stats::Verdict::kYes ? v.judged.level : 2;
         })}});
  question.say = [&run, savers](Question& q) {
    const auto& rows = run.results.all.cases;
    const CaseResult& best = rows[savers[0]];
    const bool shown =
        !q.contrasts.empty() &&
        q.contrasts[0].slices[0].judged.verdict == stats::Verdict::kYes;
    q.answer.verdict = shown ? "yes" : "undecided";
    q.answer.sentence =
        (shown ? "Of the profiles here that save updates, `" + best.profile +
                     "` keeps most: "
               : "`" + best.profile + "` keeps ") +
        WithInterval(best.retention, 1, 100) +
        " % of what learning brings, with " + Percent(best.updates_saved) +
        " of the inner updates and " + Percent(best.flops_saved) +
        " of the FLOPs saved" +
        (shown || savers.size() < 2
             ? "."
             : "; that it keeps most of those tried is not shown (next: `" +
                   rows[savers[1]].profile + "`, " +
                   WithInterval(rows[savers[1]].retention, 1, 100) + " %).");
  };
  return question;
}

Question AskDominated(const ReportRun& run) {
  Question question{OpenAnswer("flops" + run.suffix, ""), {}};
  const auto& cases = run.results.all.cases;
  const std::vector<size_t> candidates = Candidates(run.results.record);
  const auto seed = static_cast<uint64_t>(run.results.record.seed);
  for (const size_t p : candidates) {
    std::vector<size_t> others;
    for (const size_t other : candidates)
      if (other != p && std::isfinite(cases[other].nll_nats) &&
          cases[other].counters.flops <= cases[p].counters.flops)
        others.push_back(other);
    if (others.empty()) continue;
    const size_t best = *std::ranges::min_element(
        others, {}, [&](size_t other) { return cases[other].nll_nats; });
    SliceVerdict verdict = JudgeAll({}, seed, [&](const std::string& slice) {
      return LossContrast(run, slice, {{1, p}, {-1, best}});
    })[0];
    // The one that predicts best was chosen among all: Bonferroni. NaN stays.
    double& level = verdict.judged.level;
    level *= static_cast<double>(others.size());
    if (level > 1) level = 1;
    question.contrasts.push_back({cases[p].profile, "", {verdict}});
  }
  return question;
}

}  // namespace plastometer
