#include "model/working_memory.h"

#include <gtest/gtest.h>
#include <torch/types.h>

namespace plastometer {
namespace {

torch::Tensor Mebibytes(int64_t n) {
  return torch::empty({n << 20}, torch::kUInt8);
}

TEST(WorkingMemory, IsTheMostThatWasAliveAtOnce) {
  constexpr int64_t kMebibyte = 1 << 20, kSlack = 1 << 16;
  torch::Tensor before = Mebibytes(8);  // not counted: it is there already
  const WorkingMemory memory;
  EXPECT_EQ(memory.peak_bytes(), 0);
  {
    const torch::Tensor a = Mebibytes(3);
    { const torch::Tensor b = Mebibytes(2); }
    const torch::Tensor c = Mebibytes(1);
  }
  EXPECT_NEAR(static_cast<double>(memory.peak_bytes()), 5 * kMebibyte, kSlack);
  before.reset();  // its own deleter: nothing is taken off
  const torch::Tensor kept = Mebibytes(4);
  EXPECT_NEAR(static_cast<double>(memory.peak_bytes()), 5 * kMebibyte, kSlack);
  const WorkingMemory next;  // `kept` was there before this one
  const torch::Tensor d = Mebibytes(1);
  EXPECT_NEAR(static_cast<double>(next.peak_bytes()), kMebibyte, kSlack);
}

}  // namespace
}  // namespace plastometer
