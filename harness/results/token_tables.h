// Every token of a run as rows of CSV, for tools that want no arrays.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "harness/results/statistics_file.h"
#include "harness/results/summary.h"

namespace plastometer {

inline constexpr int64_t kRowsOfAPart = 250'000;

// <prefix>-0000.csv.zst and so on, a header in each: window (a row of
// windows.csv), position, scored (0 or 1), nll.<profile> of each profile in
// nats; with `statistics` (may be null) token_id, word_class and the means over
// plastic layers and heads of token_grad_norm, token_step and gate. What is not
// available is empty. Returns the number of parts; memory: one part.
int64_t WriteTokenTables(const RunRecord& record,
                         const StatisticsFile* statistics,
                         const std::filesystem::path& folder,
                         const std::string& prefix,
                         int64_t rows_of_a_part = kRowsOfAPart);

}  // namespace plastometer
