// One operation on one shape, every table against the judge. Each returns
// false after the first difference, which it reports.
#pragma once
#include <cstdint>

#include "tests/model/ops/portable/testing.h"

namespace plastometer::portable {

// Strides are larger than widths by `gap`. The whole, and a sub-range of rows
// and panels that leaves the rest untouched.
bool CheckGemm(Random& random, Kind kind, int64_t M, int64_t K, int64_t N,
               int64_t gap);
bool CheckRmsNorm(Random& random, Kind kind, int64_t num_rows, int64_t width);
// With and without a gate.
bool CheckGatedNorm(Random& random, Kind kind, int64_t num_rows, int64_t width);
// All rows, and rows [begin, T) alone.
bool CheckCausalConv(Random& random, Kind kind, int64_t T, int64_t begin,
                     int64_t width);
bool CheckAdd(Random& random, Kind kind, int64_t n);
bool CheckSwiGlu(Random& random, Kind kind, int64_t n);
bool CheckSigmoidBias(Random& random, Kind kind, int64_t num_rows,
                      int64_t width);
bool CheckTokenLoss(Random& random, Kind kind, int64_t num_rows, int64_t vocab,
                    int64_t gap);
bool CheckFunctions(Random& random, Kind kind, int64_t n);

}  // namespace plastometer::portable
