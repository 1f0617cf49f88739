// RQ2: how far the model moves on other text (a drift probe), and what it
// forgets of its own (a context probe), each for what it gains.
#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "base/text.h"
#include "harness/report/format.h"
#include "harness/report/questions/questions.h"
#include "harness/report/sections/sections.h"
#include "harness/results/drift_gain.h"
#include "harness/results/horizon.h"
#include "harness/results/works.h"

namespace plastometer {
namespace {

constexpr char kUniform[] = "uniform", kFresh[] = "fresh";
// Random sets that stand for all of their size.
constexpr size_t kEnoughSets = 8;

// ---- Drift.

// Whom the early layers are compared with, nat for nat.
struct Other {
  const char* id;
  std::string text;
  ProfileNames profiles;
};

// Named as the run names them; both must have measured them.
std::vector<Other> OthersOf(const ReportRun& run, size_t early) {
  const RunRecord& record = run.results.record;
  std::vector<Other> others = {{"rq2", "uniform", {kUniform}}};
  Other random{"rq2-random", "random sets of as many layers", {}};
  for (const size_t p : SetsOfSameSize(run, early))
    if (FindProfile(*run.drift, record.profiles[p].name))
      random.profiles.push_back(record.profiles[p].name);
  if (random.profiles.size() >= kEnoughSets) others.push_back(random);
  if (const auto often = LessOften(run, early);
      often && FindProfile(*run.drift, record.profiles[*often].name))
    others.push_back({"rq2-every",
                      record.profiles[*often].name,
                      {record.profiles[*often].name}});
  return others;
}

std::vector<SliceVerdict> JudgeDrift(const ReportRun& run, const Other& other) {
  std::set<std::string> domains;
  for (const DriftContext& c : run.drift->contexts) domains.insert(c.domain);
  return JudgeAll(
      {domains.begin(), domains.end()}, static_cast<uint64_t>(run.drift->seed),
      [&](const std::string& slice) {
        const DriftGain gain(*run.drift, run.results.record, slice);
        std::string missing = gain.Missing({kEarly});
        if (missing.empty()) missing = gain.Missing(other.profiles);
        return missing.empty()
                   ? SliceWorks{gain.Difference({kEarly}, other.profiles)}
                   : SliceWorks{{}, missing};
      });
}

// The plain numbers: less learning moves a model less, which is no finding.
std::string PlainDrift(const ReportRun& run) {
  const DriftRecord& drift = *run.drift;
  const auto rows = SummariseDrift(drift);
  const auto early = FindProfile(drift, kEarly),
             uniform = FindProfile(drift, kUniform);
  return " As it stands, after " + Count(drift.positions.back()) +
         " tokens KL(p_W0 || p_Wt) on other text is " +
         WithInterval(rows[*early].back().kl, 3) +
         " nats a prediction under `early:25%` and " +
         WithInterval(rows[*uniform].back().kl, 3) +
         " under `uniform` (that who learns less moves less is no finding).";
}

std::string DriftSentence(const ReportRun& run,
                          const std::vector<Other>& others,
                          const std::vector<Contrast>& contrasts) {
  const DriftGain gain(*run.drift, run.results.record, "all");
  std::string text =
      "For each nat per token gained over `frozen` the model "
      "moves by " +
      WithInterval(gain.PerNat({kEarly}), 2) +
      " nats of KL on other text under `early:25%`";
  for (size_t i = 0; i < others.size(); ++i)
    text += ", " + WithInterval(gain.PerNat(others[i].profiles), 2) +
            " under " + others[i].text + " (difference " +
            WithInterval(contrasts[i].slices[0].contrast, 2) + ")";
  if (FindProfile(*run.drift, kLate) && FindProfile(run.results.record, kLate))
    text += ", " + WithInterval(gain.PerNat({kLate}), 2) + " under `late:25%`";
  return text + "; " + Count(gain.num_works()) + " works." + PlainDrift(run);
}

constexpr size_t kNumOthers = 3;  // uniform, random sets, every=n

// ---- Forgetting.

struct Forgetting {
  std::string condition;
  size_t early;
};

std::optional<Forgetting> ForgettingOf(const ReportRun& run) {
  const Results& results = run.results;
  const auto early = FindProfile(results.record, kEarly);
  const auto has = [&](const std::string& name) {
    return std::ranges::any_of(
        results.conditions,
        [&](const ConditionResult& c) { return c.name == name; });
  };
  if (!has(kOwnDocument) || !has(kFresh) || !early ||
      *early == results.record.uniform_idx)
    return std::nullopt;
  std::string condition;
  for (const ConditionResult& c : results.conditions)
    if (c.name == "own+other" ||
        (condition.empty() && c.name.starts_with("own+")))
      condition = c.name;
  if (condition.empty()) return std::nullopt;
  return Forgetting{condition, *early};
}

// What a profile loses after the condition, and without any context: [lost by
// `condition`, worth of the context][work], and the tokens.
std::vector<std::vector<double>> Losses(const ReportRun& run,
                                        const std::string& slice,
                                        const std::string& condition,
                                        size_t profile,
                                        std::vector<double>* tokens) {
  const RunRecord& record = run.results.record;
  const auto under = [&](const std::string& name) {
    std::vector<size_t> windows = WindowsOf(record, slice);
    std::erase_if(
        windows, [&](size_t w) { return record.windows[w].condition != name; });
    return SumByWork(record, windows);
  };
  const WorkSums own = under(kOwnDocument);
  *tokens = own.tokens;
  return {Minus(under(condition).nll[profile], own.nll[profile]),
          Minus(under(kFresh).nll[profile], own.nll[profile])};
}

// Share of what the context brings that is lost: early's less uniform's.
SliceWorks ShareForgotten(const ReportRun& run, const std::string& slice,
                          const Forgetting& f) {
  std::vector<double> tokens;
  std::vector<std::vector<double>> sums;
  for (const size_t p : {f.early, run.results.record.uniform_idx}) {
    const auto losses = Losses(run, slice, f.condition, p, &tokens);
    std::vector<stats::WorkTotals> worth;
    for (size_t w = 0; w < tokens.size(); ++w)
      worth.push_back({losses[1][w], tokens[w]});
    const Measured mean =
        MeanOf(worth, static_cast<uint64_t>(run.results.record.seed));
    if (!(mean.low.value_or(mean.value.value_or(-1)) > 0))
      return {{},
              "its own context brings nothing that is shown under " +
                  run.results.record.profiles[p].name};
    sums.insert(sums.end(), losses.begin(), losses.end());
  }
  return {stats::PseudoValues(sums, [](std::span<const double> s) {
    return s[0] / s[1] - s[2] / s[3];
  })};
}

const ConditionResult& Named(const Results& results, const std::string& name) {
  return *std::ranges::find_if(
      results.conditions,
      [&](const ConditionResult& c) { return c.name == name; });
}

}  // namespace

Question AskDrift(const ReportRun& run) {
  Answer answer = OpenAnswer(
      "rq2" + run.suffix,
      "RQ2, stability, drift: with only the first 25 % of the layers "
      "learning, does the model move less on other text for what it gains?");
  const auto early = FindProfile(run.results.record, kEarly);
  const bool measured = run.drift && early && FindProfile(*run.drift, kEarly) &&
                        FindProfile(*run.drift, kUniform);
  const std::vector<Other> others =
      measured ? OthersOf(run, *early) : std::vector<Other>{};
  if (others.size() < kNumOthers) {
    std::string why =
        "Not asked here: it needs " + SuiteFor(run, "depth", "these profiles") +
        " and the folder of `plastometer drift --model " +
        run.results.record.model_name +
        "` beside it, both with `uniform`, `early:25%`, `uniform;every=n` of "
        "as many updates and " +
        std::to_string(kEnoughSets) +
        " random sets of as many layers (docs/report.md has the commands).";
    if (measured) why += PlainDrift(run);
    return NotAsked(answer, why);
  }
  if (DriftGain(*run.drift, run.results.record, "all").num_works() == 0)
    return NotAsked(answer,
                    "Not asked here: the run and the drift folder have no work "
                    "in common." +
                        PlainDrift(run));
  answer.table_id = answer.id;
  answer.against =
      "who learns less moves less: drift is counted for each nat gained, "
      "against uniform, random sets of as many layers, and every=n with as "
      "many updates.";
  answer.would_change =
      "the opposite sign against one of the three, or on other probe text: "
      "the intervals resample the works that were read, not the text that was "
      "asked.";
  Question question{answer, {}};
  for (const Other& other : others)
    question.contrasts.push_back(
        {other.id + run.suffix,
         "RQ2, drift per nat gained: early:25% less " + other.text +
             ", after " + Count(run.drift->positions.back()) + " tokens",
         JudgeDrift(run, other)});
  question.say = [&run, others](Question& q) {
    q.answer.sentence = DriftSentence(run, others, q.contrasts);
    Decide(q);
  };
  return question;
}

Question AskForgetting(const ReportRun& run) {
  Answer answer =
      OpenAnswer("rq2-forgetting" + run.suffix,
                 "RQ2, stability, forgetting: with only the first 25 % of the "
                 "layers learning, is a smaller share of what the document "
                 "brought forgotten?");
  const auto f = ForgettingOf(run);
  if (!f)
    return NotAsked(answer,
                    "Not asked here: it needs a context probe with `uniform` "
                    "and `early:25%`: " +
                        SuiteFor(run, "context", "such windows") + ".");
  answer.table_id = answer.id;
  answer.against =
      "who learns little has little to forget: what something else read in "
      "between costs is counted as a share of what the context brings under "
      "the same profile.";
  answer.would_change =
      "the opposite sign in every domain; how much of the gain from context "
      "is left is in the table of contexts.";
  Question question{answer, {}};
  question.contrasts.push_back(
      {answer.id,
       "RQ2, forgetting: (L(" + f->condition +
           ") - L(own)) / (L(fresh) - L(own)) under early:25%, less the same "
           "under uniform",
       JudgeAll(run.results, [&](const std::string& slice) {
         return ShareForgotten(run, slice, *f);
       })});
  question.say = [&run, f = *f](Question& q) {
    const size_t uniform = run.results.record.uniform_idx;
    const auto& changed = Named(run.results, f.condition).rows;
    const auto& fresh = Named(run.results, kFresh).rows;
    q.answer.sentence = "Something else read in between (`" + f.condition +
                        "`) costs " + WithInterval(changed[f.early].change, 3) +
                        " nats per token under `early:25%` and " +
                        WithInterval(changed[uniform].change, 3) +
                        " under `uniform`; no context at all costs " +
                        WithInterval(fresh[f.early].change, 3) + " and " +
                        WithInterval(fresh[uniform].change, 3) +
                        ". The shares forgotten differ by " +
                        WithInterval(q.contrasts[0].slices[0].contrast, 3) +
                        " (below 0: a smaller share under `early:25%`).";
    Decide(q);
    if (!q.contrasts[0].slices[0].blocked.empty())
      q.answer.sentence +=
          " No share: " + q.contrasts[0].slices[0].blocked + ".";
  };
  return question;
}

}  // namespace plastometer
