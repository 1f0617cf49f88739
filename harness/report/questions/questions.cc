#include "harness/report/questions/questions.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "harness/report/sections/sections.h"
#include "harness/results/works.h"

namespace plastometer {

std::vector<Question> AskAll(const ReportRun& run) {
  std::vector<Question> questions = AskEfficiency(run);
  questions.push_back(AskTime(run));
  questions.push_back(AskDepth(run));
  questions.push_back(AskDrift(run));
  questions.push_back(AskForgetting(run));
  for (Question& q : AskSensitivity(run)) questions.push_back(std::move(q));
  questions.push_back(AskWords(run));
  questions.push_back(AskBest(run));
  questions.push_back(AskDominated(run));
  return questions;
}

int64_t Answered(std::span<std::vector<Question>> questions,
                 std::span<stats::Judged* const> others) {
  std::vector<stats::Judged*> family(others.begin(), others.end());
  for (std::vector<Question>& of_run : questions)
    for (Question& question : of_run)
      for (Contrast& contrast : question.contrasts)
        for (SliceVerdict& slice : contrast.slices)
          family.push_back(&slice.judged);
  const int64_t num_judged = stats::CorrectTogether(family);
  for (std::vector<Question>& of_run : questions)
    for (Question& question : of_run)
      if (question.say) question.say(question);
  return num_judged;
}

const Question& Find(const std::vector<Question>& questions,
                     const std::string& id) {
  return *std::ranges::find_if(questions, [&](const Question& q) {
    return q.answer.id.starts_with(id);
  });
}

SliceWorks LossContrast(const ReportRun& run, const std::string& slice,
                        const std::vector<LossTerm>& loss_terms) {
  const RunRecord& record = run.results.record;
  const std::vector<size_t> windows = WindowsOf(record, slice);
  std::vector<stats::Term> terms;
  for (const LossTerm& term : loss_terms)
    terms.push_back(
        {term.coefficient, TotalsOf(record, windows, term.profile)});
  return {stats::Combine(terms)};
}

Measured GapOf(const ReportRun& run, const std::string& slice, size_t frozen) {
  const RunRecord& record = run.results.record;
  return LostAgainst(SumByWork(record, WindowsOf(record, slice)), frozen,
                     record.uniform_idx, static_cast<uint64_t>(record.seed));
}

std::string NoGapSentence(const Measured& gap, const std::string& frozen) {
  if (!gap.value)
    return "The gap between `" + frozen +
           "` and `uniform` is not known: " + gap.reason + ".";
  const std::string nats = "`" + frozen + "` minus `uniform` is " +
                           NatsText(gap) + " nats per token";
  return GapReason(gap) == kLearningHurts
             ? "Learning while reading hurts this model: " + nats +
                   ". There is no gain to keep a share of."
             : "No gain of learning is shown: " + nats +
                   ". There is nothing to keep a share of.";
}

std::string NatsText(const Measured& gap) {
  int decimals = 3;
  const auto hidden = [&](std::optional<double> x) {
    return x && *x != 0 && std::abs(*x) < 0.5 * std::pow(10, -decimals);
  };
  while (decimals < 6 &&
         (hidden(gap.value) || hidden(gap.low) || hidden(gap.high)))
    ++decimals;
  return WithInterval(gap, decimals);
}

bool TrainedMasked(const ReportRun& run) {
  const std::string& profile = run.results.record.training.profile;
  return !profile.empty() && profile != "uniform";
}

std::string ArmText(const ReportRun& run) {
  return TrainedMasked(run) ? "This model learned under `" +
                                  run.results.record.training.profile + "`: "
                            : "Arm post-hoc: ";
}

std::string RunWith(const ReportRun& run, const std::string& profiles) {
  const RunRecord& r = run.results.record;
  const std::string command = "plastometer run --model " + r.model_name;
  if (!r.task.name.empty())
    return "`" + command + " --task " + r.task.name + " --documents " +
           std::to_string(r.windows.size()) + " --context " +
           std::to_string(r.context_tokens) + " --profiles \"" + profiles +
           "\"`";
  return "`" + command + " --profiles \"" + profiles +
         "\"` with this run's text and context";
}

// Which shipped models each suite measures.
std::string SuiteFor(const ReportRun& run, const std::string& suite,
                     const std::string& otherwise) {
  struct Measures {
    const char *suite, *model;
  };
  static constexpr Measures kSuites[] = {
      {"depth", "text-3m"},    {"depth", "chains-uniform-1"},
      {"horizon", "text-3m"},  {"horizon", "chains-uniform-1"},
      {"horizon", "recall-8"}, {"horizon", "recall-16"},
      {"context", "text-3m"}};
  for (const Measures& m : kSuites)
    if (m.suite == suite && m.model == run.results.record.model_name)
      return "`plastometer run " + suite + "`";
  return "a run of this model with " + otherwise + ", as suite `" + suite +
         "` has them";
}

int64_t NumLayers(const std::string& plastic_layers, int64_t num_layers) {
  if (plastic_layers == "all") return num_layers;
  int64_t count = 0;
  for (size_t at = 0; at < plastic_layers.size() && plastic_layers != "none";) {
    const size_t end =
        std::min(plastic_layers.find(',', at), plastic_layers.size());
    const std::string range = plastic_layers.substr(at, end - at);
    const size_t dash = range.find('-');
    count += dash == std::string::npos
                 ? 1
                 : std::stoll(range.substr(dash + 1)) - std::stoll(range) + 1;
    at = end + 1;
  }
  return count;
}

std::vector<size_t> SetsOfSameSize(const ReportRun& run, size_t profile) {
  const auto is_set = [](const std::string& name) {
    return (name.starts_with("random:") || name.starts_with("layers:")) &&
           name.find_first_of(";@") == std::string::npos;
  };
  const RunRecord& record = run.results.record;
  const auto size = [&](size_t p) {
    return NumLayers(record.profiles[p].plastic_layers, run.num_layers);
  };
  std::vector<size_t> sets;
  for (size_t p = 0; p < record.profiles.size(); ++p) {
    const ProfileRecord& other = record.profiles[p];
    if (p != profile && size(p) == size(profile) &&
        (is_set(other.name) || std::ranges::any_of(other.same_as, is_set)))
      sets.push_back(p);
  }
  return sets;
}

std::optional<size_t> LessOften(const ReportRun& run, size_t profile) {
  const auto& cases = run.results.all.cases;
  for (size_t p = 0; p < cases.size(); ++p)
    if (cases[p].profile.starts_with("uniform;every=") &&
        !cases[p].is_control && cases[p].updates_saved &&
        cases[profile].updates_saved &&
        std::abs(*cases[p].updates_saved - *cases[profile].updates_saved) <=
            kEqualUpdates)
      return p;
  return std::nullopt;
}

}  // namespace plastometer
