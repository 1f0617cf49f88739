#include "base/memory.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/error.h"
#include "tests/errors.h"

namespace plastometer {
namespace {

TEST(Memory, TheLimitIsThatOfThisMachineOrLess) {
  EXPECT_GT(MemoryLimit(), uint64_t{1} << 26);
  EXPECT_LT(MemoryLimit(), uint64_t{1} << 50);
}

TEST(Memory, WhatFitsIsTaken) {
  RequireMemory(100, "windows", 100);
  RequireMemory(0, "nothing", 0);
}

TEST(Memory, WhatDoesNotFitIsRefusedWithBothNumbers) {
  EXPECT_EQ(MessageOf(
                [] {
                  RequireMemory(uint64_t{3} << 30, "10 documents",
                                uint64_t{1} << 29);
                },
                ErrorKind::kInfrastructure),
            "10 documents need at least 3 GiB of memory, and this process may "
            "take 0.5 GiB; ask for less");
}

TEST(Memory, AProductThatIsTooLargeStaysTooLarge) {
  EXPECT_EQ(BoundedProduct(6, 7), 42U);
  EXPECT_EQ(BoundedProduct(uint64_t{1} << 40, uint64_t{1} << 40),
            std::numeric_limits<uint64_t>::max());
}

}  // namespace
}  // namespace plastometer
