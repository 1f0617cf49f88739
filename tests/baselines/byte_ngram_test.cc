#include "baselines/byte_ngram.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

namespace plastometer {
namespace {

// After "abab": a and b twice each; after a always b, after b once a.
TEST(ByteNgram, ByHand) {
  ByteNgram ngram(5);
  ngram.Train("abab");
  const double p0 = (2 + 2 * (1.0 / 256)) / (4 + 2);
  EXPECT_NEAR(ngram.Bits("b", 5), -std::log2(p0), 1e-12);
  const double p1 = (2 + 1 * p0) / (2 + 1);  // b after a
  EXPECT_NEAR(ngram.Bits("ab", 1, 1), -std::log2(p1), 1e-12);
  const double p2 = (1 + 1 * p1) / (1 + 1);  // b after ba
  EXPECT_NEAR(ngram.Bits("bab", 2, 2), -std::log2(p2), 1e-12);
  EXPECT_NEAR(ngram.Bits("bab", 1, 2), -std::log2(p1), 1e-12);
  // A context never seen: what the shorter one says.
  EXPECT_NEAR(ngram.Bits("zab", 5, 2), -std::log2(p1), 1e-12);
}

// Enough different contexts that every table grows, and bytes above 127.
TEST(ByteNgram, ALongerContextTellsWhatAShorterCannot) {
  ByteNgram ngram(5);
  std::string text;
  uint32_t state = 1;
  for (int i = 0; i < 200000; ++i) {
    state = state * 1664525u + 1013904223u;
    text += static_cast<char>(state >> 24);
  }
  ngram.Train(text);
  EXPECT_LT(ngram.Bits(text, 5), 0.5 * ngram.Bits(text, 1));
  double sum = 0;
  for (int symbol = 0; symbol < 256; ++symbol)
    sum += std::exp2(
        -ngram.Bits(text.substr(1000, 5) + static_cast<char>(symbol), 5, 5));
  EXPECT_NEAR(sum, 1, 1e-9);
}

}  // namespace
}  // namespace plastometer
