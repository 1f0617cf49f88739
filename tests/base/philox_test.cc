// Known answers: file kat_vectors of the Random123 library, lines "philox4x32
// 10".
#include "base/philox.h"

#include <gtest/gtest.h>

#include <set>

namespace plastometer {
namespace {

TEST(Philox, KnownAnswers) {
  EXPECT_EQ(Philox4x32({0, 0, 0, 0}, {0, 0}),
            (PhiloxCounter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const uint32_t f = 0xffffffff;
  EXPECT_EQ(Philox4x32({f, f, f, f}, {f, f}),
            (PhiloxCounter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(Philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                       {0xa4093822, 0x299f31d0}),
            (PhiloxCounter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, StreamIsTheBlocksInOrder) {
  PhiloxStream stream(0, 0);
  for (const uint32_t expected :
       {0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u})
    EXPECT_EQ(stream.Next32(), expected);
  EXPECT_EQ(stream.Next32(), Philox4x32({1, 0, 0, 0}, {0, 0})[0]);
}

TEST(Philox, SeedsAndStreamsDiffer) {
  std::set<uint32_t> first;
  for (const uint64_t seed : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 32}) {
    for (const uint64_t stream : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 32})
      first.insert(PhiloxStream(seed, stream).Next32());
  }
  EXPECT_EQ(first.size(), 9u);
}

TEST(Philox, BelowIsEven) {
  PhiloxStream stream(7, 0);
  std::array<int, 5> counts{};
  for (int i = 0; i < 50000; ++i) ++counts.at(stream.NextBelow(5));
  // 10,000 expected, standard deviation 89: five of them.
  for (const int count : counts) EXPECT_NEAR(count, 10000, 450);
}

TEST(Philox, UniformStaysInside) {
  PhiloxStream stream(7, 1);
  double sum = 0;
  for (int i = 0; i < 40000; ++i) {
    const double u = stream.NextUniform();
    ASSERT_GT(u, 0);
    ASSERT_LT(u, 1);
    sum += u;
  }
  EXPECT_NEAR(sum / 40000, 0.5, 5 * 0.2887 / 200);
}

}  // namespace
}  // namespace plastometer
