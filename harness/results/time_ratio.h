// Measured time against uniform's in the same batches: most of a change of the
// machine's speed falls out of such a ratio.
#pragma once
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "harness/results/summary.h"
#include "harness/results/works.h"

namespace plastometer {

inline constexpr size_t kMinTimedBatches = 3;  // fewer have no quartiles

// Batches of the largest size, timed under every profile: each is the same work
// once more. Smaller ones spend their time otherwise.
std::vector<size_t> EqualBatches(const RunRecord& record);

// One a batch: this profile's seconds over uniform's.
std::vector<double> TimeRatios(const RunRecord& record, size_t profile,
                               std::span<const size_t> batches);

// Their median over EqualBatches with quartiles; missing below kMinTimedBatches
// of them.
Measured TimeRatio(const RunRecord& record, size_t profile);

// As ParetoMarks (works.h), for a cost that scatters: a profile is beaten only
// by one whose loss is lower by a paired interval that excludes 0 and whose
// range of the cost lies below its own. Where ranges overlap or are missing
// neither beats the other.
std::vector<std::optional<bool>> RangedParetoMarks(
    const WorkSums& works, const std::vector<Measured>& costs, uint64_t seed);

}  // namespace plastometer
