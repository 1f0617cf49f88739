// Where over depth learning is worth most: early layers against late ones, and
// against as many layers drawn at random.
#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "harness/report/format.h"
#include "harness/report/questions/questions.h"
#include "harness/report/sections/sections.h"
#include "harness/results/works.h"

namespace plastometer {
namespace {

// So many random draws, or every set there is.
constexpr int64_t kEnoughDraws = 100;

// C(n, k), as a number to compare with.
double NumSets(int64_t n, int64_t k) {
  double count = 1;
  for (int64_t i = 1; i <= k; ++i)
    count = count * static_cast<double>(n - k + i) / static_cast<double>(i);
  return std::round(count);
}

struct Sets {
  size_t early, late;
  std::vector<size_t> others;  // neither
  bool all = false;            // every set of this size
  int64_t draws = 0;
};

std::optional<Sets> SetsOf(const ReportRun& run) {
  const RunRecord& record = run.results.record;
  const auto early = FindProfile(record, kEarly),
             late = FindProfile(record, kLate);
  if (!early || !late || early == late) return std::nullopt;
  Sets sets{*early, *late, SetsOfSameSize(run, *early)};
  std::erase(sets.others, *late);
  const int64_t size =
      NumLayers(record.profiles[*early].plastic_layers, run.num_layers);
  sets.all = static_cast<double>(sets.others.size() + 2) >=
             NumSets(run.num_layers, size);
  const auto count = [&](size_t p) {
    const ProfileRecord& profile = record.profiles[p];
    sets.draws += profile.name.starts_with("random:");
    for (const std::string& name : profile.same_as)
      sets.draws += name.starts_with("random:");
  };
  for (const size_t p : sets.others) count(p);
  count(sets.early);
  count(sets.late);
  return sets;
}

bool Enough(const Sets& sets) { return sets.all || sets.draws >= kEnoughDraws; }

// Place of a profile among all sets by loss, 1: the least.
stats::Interval RankOf(const ReportRun& run, const Sets& sets, size_t profile) {
  const RunRecord& record = run.results.record;
  const WorkSums works = SumByWork(record, AllWindows(record));
  std::vector<std::vector<stats::WorkTotals>> all = {Totals(works, profile)};
  for (const size_t p : sets.others) all.push_back(Totals(works, p));
  all.push_back(Totals(works, profile == sets.early ? sets.late : sets.early));
  return stats::PlaceAmong(all, static_cast<uint64_t>(record.seed));
}

std::string Places(const ReportRun& run, const Sets& sets) {
  const auto place = [&](size_t p) {
    const stats::Interval rank = RankOf(run, sets, p);
    return Fixed(rank.estimate, 0) +
           (rank.available()
                ? " [" + Fixed(rank.low, 0) + ", " + Fixed(rank.high, 0) + "]"
                : "");
  };
  const size_t num_sets = sets.others.size() + 2;
  return std::string("By loss, `early:25%` has place ") + place(sets.early) +
         " and `late:25%` place " + place(sets.late) + " of " +
         Count(static_cast<int64_t>(num_sets)) +
         (sets.all ? " sets, all that there are"
                   : " different sets (" + Count(sets.draws) + " drawn)") +
         " (1: the least loss).";
}

std::vector<Contrast> Contrasts(const ReportRun& run, const Sets& sets) {
  std::vector<LossTerm> random = {{1, sets.early}};
  for (const size_t p : sets.others)
    random.push_back({-1 / static_cast<double>(sets.others.size()), p});
  const auto judge = [&](const std::vector<LossTerm>& terms) {
    return JudgeAll(run.results, [&](const std::string& slice) {
      SliceWorks compared = LossContrast(run, slice, terms);
      compared.blocked =
          GapReason(GapOf(run, slice, run.results.record.frozen_idx));
      return compared;
    });
  };
  return {{"depth" + run.suffix,
           "Depth: L(early:25%) - L(late:25%), nats per token",
           judge({{1, sets.early}, {-1, sets.late}})},
          {"depth-random" + run.suffix,
           "Depth: L(early:25%) less the mean of " +
               Count(static_cast<int64_t>(sets.others.size())) +
               " other sets of as many layers, nats per token",
           judge(random)}};
}

}  // namespace

Question AskDepth(const ReportRun& run) {
  Answer answer =
      OpenAnswer("depth" + run.suffix,
                 "Depth claim: is learning in early layers worth more than in "
                 "as many others?");
  const auto sets = SetsOf(run);
  if (!sets || !Enough(*sets)) {
    std::string why =
        "Not asked here: it needs `early:25%`, `late:25%` and every set of as "
        "many layers, or " +
        std::to_string(kEnoughDraws) +
        " drawn at random: " + SuiteFor(run, "depth", "those profiles") + ".";
    if (sets &&
        GapReason(GapOf(run, "all", run.results.record.frozen_idx)).empty()) {
      const auto& cases = run.results.all.cases;
      why += " In this run `early:25%` keeps " +
             WithInterval(cases[sets->early].retention, 1, 100) +
             " % and `late:25%` " +
             WithInterval(cases[sets->late].retention, 1, 100) + " %.";
    }
    return NotAsked(answer, why);
  }
  answer.table_id = answer.id;
  answer.against =
      "any two sets of layers differ: early layers must be better than late "
      "ones and than the mean of sets of as many layers.";
  answer.would_change =
      "the opposite sign in every domain; single layers, dropped and alone, "
      "would say which ones carry it.";
  Question question{answer, Contrasts(run, *sets)};
  question.say = [&run, sets = *sets](Question& q) {
    const auto& cases = run.results.all.cases;
    const Measured gap = GapOf(run, "all", run.results.record.frozen_idx);
    q.answer.sentence =
        GapReason(gap).empty()
            ? ArmText(run) + "`early:25%` minus `late:25%` is " +
                  WithInterval(q.contrasts[0].slices[0].contrast, 3) +
                  " nats per token, and minus the mean of the others " +
                  WithInterval(q.contrasts[1].slices[0].contrast, 3) +
                  " (below 0: early is better); retention " +
                  WithInterval(cases[sets.early].retention, 1, 100) +
                  " % against " +
                  WithInterval(cases[sets.late].retention, 1, 100) + " %. " +
                  Places(run, sets)
            : NoGapSentence(gap, "frozen");
    Decide(q);
  };
  return question;
}

}  // namespace plastometer
