// Losses that another program measured, to be drawn beside a run's. They have
// no works, so they get no interval and no verdict.
#pragma once
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <vector>

namespace plastometer {

// Of one profile.
struct ForeignLosses {
  std::string profile, file, sha256;
  struct Losses {
    double sum = 0;  // nats
    int64_t rows = 0;
  };
  std::map<int64_t, Losses> by_position;  // place of the token, from 1 on
  // By key of CaseResult::pareto, in the unit of the figures (CostOf).
  std::map<std::string, double> costs;

  int64_t num_rows() const;
  // Over the rows with from <= position < to; NaN when there are none.
  double MeanLoss(int64_t from = 1,
                  int64_t to = std::numeric_limits<int64_t>::max()) const;
};

// CSV with a header: profile, position, loss (nats per token; every row weighs
// the same, positions may repeat), and if known flops_per_token,
// inner_updates_per_token, ms_per_1k_tokens, adaptive_state_bytes (empty, or
// the same in all rows of a profile). Profiles in order of appearance. Throws
// kInvalid naming file, line, column, the value met and what was expected; a
// profile that two files have is refused.
std::vector<ForeignLosses> ReadForeign(
    const std::vector<std::filesystem::path>& files);

}  // namespace plastometer
