// Post-hoc, co-trained, healed: the same profile on models that differ in what
// was plastic while they learned.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/results/summary.h"
#include "harness/stats/contrast.h"

namespace plastometer {

// One profile in one arm. The reference losses L_uniform and L_frozen are:
//   post-hoc    the uniform-trained model itself under uniform and frozen
//   co-trained  the uniform-trained model under uniform, the model trained
//               frozen under frozen
//   healed      the same of the models that a masked training went on from one
//               model, after as many steps each
// Seeds are training seeds that all of them have in common.
struct ArmRow {
  std::string arm, profile;
  std::vector<int64_t> seeds;
  Measured nll;          // nats per scored token
  Measured above_floor;  // of generated tasks
  Measured lost;         // L_p - L_uniform
  Measured retention;    // (L_frozen - L_p) / (L_frozen - L_uniform)
  Measured contrast;     // L_p - 0.05 L_frozen - 0.95 L_uniform: RQ1's
  stats::Judged judged;  // on contrast < 0; its family: DecideTogether
  std::string why;  // undecided, where there is more to say than the interval
  // Why there is no verdict: kLearningHurts and what else GapReason says, or
  // an end of the gap itself.
  std::string not_asked;
};

// Fewer training seeds: an interval, but no verdict.
inline constexpr size_t kMinSeedsForVerdict = 3;

struct ArmComparison {
  std::string data_name, data_sha256;
  int64_t num_works = 0, scored_tokens = 0;
  std::optional<double> floor_nats;
  std::vector<ArmRow> rows;
  std::vector<std::string> notes;  // models and arms that could not be used
};

// Groups on the same windows are compared with each other; each distinct data
// set gives one comparison. Intervals cross seeds with works
// (stats/crossed.h); with one seed there is none, and no verdict. Throws
// kInvalid when no model says under which profile it was trained.
std::vector<ArmComparison> CompareArms(
    const std::vector<const RunRecord*>& records);
std::vector<ArmComparison> CompareArms(const std::vector<RunRecord>& records);

// The verdicts of all rows, for the family that they are corrected in.
std::vector<stats::Judged*> JudgedOf(std::vector<ArmComparison>& comparisons);
// Corrects the verdicts of all rows together (stats::CorrectTogether).
void DecideTogether(std::vector<ArmComparison>& comparisons);

}  // namespace plastometer
