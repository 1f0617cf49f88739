// What a report asks of a run, one function a question. Each either asks (and
// says what decides it, and against which trivial explanation) or says what
// would have to be measured.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "harness/report/questions/verdicts.h"
#include "harness/report/report.h"

namespace plastometer {

// RQ1: is 95 % of the gap kept with the first 25 % of the layers learning? The
// post-hoc arm, the mean state's, and the same of every profile that saves
// updates.
std::vector<Question> AskEfficiency(const ReportRun& run);
// With as many updates: is less often better than in fewer layers?
Question AskTime(const ReportRun& run);
// Is learning in early layers worth more than in as many others? Against late
// ones, and against sets drawn at random.
Question AskDepth(const ReportRun& run);
// RQ2: how far a model that learns moves on other text, for what it gains.
Question AskDrift(const ReportRun& run);
// RQ2: how much of what its context brings a model forgets.
Question AskForgetting(const ReportRun& run);
// RQ3: do gradient norms (first) and relative updates of early layers die down
// sooner than those of others?
std::vector<Question> AskSensitivity(const ReportRun& run);
// Syntax and semantics: which words early and late layers serve.
Question AskWords(const ReportRun& run);
// Which of the profiles that save updates keeps most? For AddForYourModel: the
// answer's verdict says whether one does.
Question AskBest(const ReportRun& run);

// Which profiles does another one beat at no more FLOPs? A contrast a profile,
// whose id is its name: it less the best of those that cost no more.
Question AskDominated(const ReportRun& run);

// All of them, in the order of the page; AskBest and AskDominated, which have
// no answer of their own, last.
std::vector<Question> AskAll(const ReportRun& run);

// Corrects every contrast of every question, and what others judged, together;
// then lets the questions speak. How many were judged.
int64_t Answered(std::span<std::vector<Question>> questions,
                 std::span<stats::Judged* const> others);

// The one whose id begins so.
const Question& Find(const std::vector<Question>& questions,
                     const std::string& id);

// ---- What several of them use.

inline constexpr char kEarly[] = "early:25%", kLate[] = "late:25%";

struct LossTerm {
  double coefficient;
  size_t profile;
};
// Sum of coefficient * loss by work of a slice.
SliceWorks LossContrast(const ReportRun& run, const std::string& slice,
                        const std::vector<LossTerm>& terms);

// L(frozen) - L(uniform) of a slice, and the sentence where GapReason finds
// nothing to keep a share of.
Measured GapOf(const ReportRun& run, const std::string& slice, size_t frozen);
std::string NoGapSentence(const Measured& gap, const std::string& frozen);
// Nats in three decimals, or in as many as tell an end from 0.
std::string NatsText(const Measured& gap);

// A model that learned with layers frozen is no post-hoc model.
bool TrainedMasked(const ReportRun& run);
// "Arm post-hoc: ", or under what the model learned.
std::string ArmText(const ReportRun& run);

// The command that measures these profiles on this run's model and text; the
// command of a suite where the suite measures this model, else what to measure.
std::string RunWith(const ReportRun& run, const std::string& profiles);
std::string SuiteFor(const ReportRun& run, const std::string& suite,
                     const std::string& otherwise);
// Of "0-2,5", "all", "none".
int64_t NumLayers(const std::string& plastic_layers, int64_t num_layers);
// Other sets of as many layers as `profile` has, drawn at random or listed
// (`random:...`, `layers:...` of multiplier 1 without options).
std::vector<size_t> SetsOfSameSize(const ReportRun& run, size_t profile);
// `uniform;every=n` with as many updates, to a share of uniform's.
inline constexpr double kEqualUpdates = 0.02;
std::optional<size_t> LessOften(const ReportRun& run, size_t profile);

}  // namespace plastometer
