// Every kernel table against the judge, to the bit. The inner loop:
// scan_test.cc.
#include <gtest/gtest.h>

#include <cfenv>
#include <cstdlib>

#include "base/error.h"
#include "model/ops/portable/cpu/thread_pool.h"
#include "tests/errors.h"
#include "tests/model/ops/portable/cases.h"
#include "tests/no_threads.h"

namespace plastometer::portable {
namespace {

using judge::Values;

Kind KindOf(int i) { return static_cast<Kind>(i % kNumKinds); }

TEST(Packing, PanelsOf32ColumnsWithZerosBeyond) {
  Random random(1);
  for (const int64_t N : {1, 31, 32, 33, 70, 128}) {
    const int64_t K = 5, stride = N + 3;
    const Values dense = random.Array(Kind::kWide, K * stride);
    Values transposed(N * (K + 2), kUntouched);
    Values expected(NumPanels(N) * K * kPanelColumns, 0.0F);
    for (int64_t k = 0; k < K; ++k) {
      for (int64_t n = 0; n < N; ++n) {
        const float value = dense[k * stride + n];
        transposed[n * (K + 2) + k] = value;
        expected[((n / 32) * K + k) * 32 + n % 32] = value;
      }
    }
    Values panels(expected.size(), kUntouched), from_transposed = panels;
    PackMatrix(dense.data(), stride, K, N, panels.data());
    PackTransposed(transposed.data(), K + 2, K, N, from_transposed.data());
    EXPECT_TRUE(SameBits(expected, panels, "PackMatrix"));
    EXPECT_TRUE(SameBits(expected, from_transposed, "PackTransposed"));
  }
}

TEST(ThreadPool, AThreadThatCannotBeStartedIsTheMachinesFault) {
  const NoThreads none;
  MessageOf([] { ThreadPool pool(4); }, ErrorKind::kInfrastructure);
}

TEST(Rope, TablesAreCorrectlyRounded) {
  for (const int64_t d : {2, 16, 32, 64, 96, 128, 256}) {
    for (const double theta : {10000.0, 500000.0, 2.0, 123.456}) {
      Values cos, sin, judge_cos, judge_sin;
      RopeTables(theta, d, cos, sin);
      judge::RopeTables(theta, d, judge_cos, judge_sin);
      EXPECT_TRUE(SameBits(judge_cos, cos, "cos d=" + std::to_string(d)));
      EXPECT_TRUE(SameBits(judge_sin, sin, "sin d=" + std::to_string(d)));
    }
  }
}

TEST(Selection, ScalarIsFirstAndTheCapHolds) {
  const char* before = std::getenv("PLASTOMETER_MAX_ISA");
  const std::string saved = before == nullptr ? "" : before;
  EXPECT_STREQ(AvailableKernels().front()->isa, "scalar");
  for (const Kernels* table : AvailableKernels()) {
    setenv("PLASTOMETER_MAX_ISA", table->isa, 1);
    EXPECT_STREQ(SelectKernels().isa, table->isa);
  }
  unsetenv("PLASTOMETER_MAX_ISA");
  EXPECT_EQ(&SelectKernels(), AvailableKernels().back());
  setenv("PLASTOMETER_MAX_ISA", "sse2", 1);
  EXPECT_THROW(SelectKernels(), Error);
  if (before == nullptr) {
    unsetenv("PLASTOMETER_MAX_ISA");
  } else {
    setenv("PLASTOMETER_MAX_ISA", saved.c_str(), 1);
  }
}

TEST(Selection, RefusesAnotherRoundingMode) {
  for (const int mode : {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
    std::fesetround(mode);
    EXPECT_THROW(SelectKernels(), Error) << mode;
    std::fesetround(FE_TONEAREST);
  }
  EXPECT_NO_THROW(SelectKernels());
}

#ifdef __x86_64__
// RoPE's tables would have other bits, and nothing else would show it.
TEST(Selection, RefusesALongDoubleOfFewerBits) {
  uint16_t before = 0;
  __asm__ volatile("fnstcw %0" : "=m"(before));
  for (const int precision : {0x000, 0x200}) {  // 24 and 53 bits
    const uint16_t cut = static_cast<uint16_t>((before & ~0x300) | precision);
    __asm__ volatile("fldcw %0" : : "m"(cut));
    EXPECT_THROW(SelectKernels(), Error) << precision;
    __asm__ volatile("fldcw %0" : : "m"(before));
  }
  EXPECT_NO_THROW(SelectKernels());
}
#endif

TEST(Gemm, EveryNumberOfRows) {
  Random random(2);
  for (int64_t M = 1; M <= 40; M += kStep) {
    ASSERT_TRUE(CheckGemm(random, Kind::kOrdinary, M, 67, 101, 0));
    ASSERT_TRUE(CheckGemm(random, KindOf(static_cast<int>(M)), M, 300, 64, 5));
  }
}

TEST(Gemm, EveryNumberOfColumns) {
  Random random(3);
  for (int64_t N = 1; N <= 130; N += kStep) {
    ASSERT_TRUE(CheckGemm(random, Kind::kOrdinary, 9, 33, N, 1));
    ASSERT_TRUE(CheckGemm(random, KindOf(static_cast<int>(N)), 3, 270, N, 0));
  }
}

TEST(Gemm, EveryDepthAcrossSegments) {
  Random random(4);
  for (const int64_t K : {1,   2,   3,   7,   8,   31,  32,   33,   255,  256,
                          257, 511, 512, 513, 767, 768, 1000, 1024, 1025, 2048})
    for (int kind = 0; kind < kNumKinds; kind += kStep)
      for (const int64_t M : {1, 7, 16, 33})
        ASSERT_TRUE(CheckGemm(random, KindOf(kind), M, K, 45, 2));
}

// One row's bits do not depend on the rows beside it.
TEST(Gemm, RowsAloneEqualRowsTogether) {
  Random random(5);
  const int64_t M = 40, K = 520, N = 70;
  const Values x = random.Array(Kind::kOrdinary, M * K),
               w = random.Array(Kind::kOrdinary, K * N);
  Values panels(NumPanels(N) * K * kPanelColumns);
  PackMatrix(w.data(), N, K, N, panels.data());
  for (const Kernels* table : AvailableKernels()) {
    Values whole(M * N), alone(M * N, kUntouched);
    GemmArguments all{x.data(), K, M, {panels.data(), K, N}, whole.data(), N};
    table->gemm(all, 0, M, 0, NumPanels(N));
    for (int64_t r = 0; r < M; ++r) {
      const GemmArguments one{x.data() + r * K,     K, 1, {panels.data(), K, N},
                              alone.data() + r * N, N};
      for (int64_t p = 0; p < NumPanels(N); ++p)
        table->gemm(one, 0, 1, p, p + 1);
    }
    EXPECT_TRUE(
        SameBits(whole, alone, std::string("rows alone ") + table->isa));
  }
}

TEST(Rows, EveryWidth) {
  Random random(6);
  for (int64_t width = 1; width <= 130; width += kStep) {
    for (int i = 0; i < kNumKinds; ++i) {
      const Kind kind = KindOf(i);
      const int64_t rows = random.Integer(1, 4);
      ASSERT_TRUE(CheckRmsNorm(random, kind, rows, width));
      ASSERT_TRUE(CheckGatedNorm(random, kind, rows, width));
      ASSERT_TRUE(CheckCausalConv(random, kind, rows + 2, rows, width));
      ASSERT_TRUE(CheckAdd(random, kind, width));
      ASSERT_TRUE(CheckSwiGlu(random, kind, width));
      ASSERT_TRUE(CheckSigmoidBias(random, kind, rows, width));
      ASSERT_TRUE(CheckTokenLoss(random, kind, rows, width, i));
      ASSERT_TRUE(CheckFunctions(random, kind, width));
    }
  }
}

TEST(Rows, ModelWidths) {
  Random random(7);
  for (const int64_t width : {768, 1000, 2048}) {
    ASSERT_TRUE(CheckRmsNorm(random, Kind::kOrdinary, 3, width));
    ASSERT_TRUE(CheckGatedNorm(random, Kind::kOrdinary, 3, width));
    ASSERT_TRUE(CheckGatedNorm(random, Kind::kConstant, 1, width));
    ASSERT_TRUE(CheckCausalConv(random, Kind::kOrdinary, 20, 3, width));
    ASSERT_TRUE(CheckSwiGlu(random, Kind::kOrdinary, width));
  }
  ASSERT_TRUE(CheckTokenLoss(random, Kind::kOrdinary, 2, 32000, 0));
  ASSERT_TRUE(CheckTokenLoss(random, Kind::kOrdinary, 2, 5003, 5));
}

bool CheckRandomShape(Random& random) {
  const Kind kind = random.AnyKind();
  const int64_t rows = random.Integer(1, 5), width = random.Integer(1, 130);
  switch (random.Integer(0, 9)) {
    case 0:
    case 1:
      return CheckGemm(random, kind, random.Integer(1, 20),
                       random.Integer(1, 70), random.Integer(1, 100),
                       random.Integer(0, 9));
    case 2:
      return CheckGemm(random, kind, random.Integer(1, 4),
                       random.Integer(200, 800), random.Integer(1, 40),
                       random.Integer(0, 9));
    case 3:
      return CheckRmsNorm(random, kind, rows, width);
    case 4:
      return CheckGatedNorm(random, kind, rows, width);
    case 5:
      return CheckCausalConv(random, kind, rows + 5, rows, width);
    case 6:
      return CheckAdd(random, kind, width) && CheckSwiGlu(random, kind, width);
    case 7:
      return CheckSigmoidBias(random, kind, rows, width);
    case 8:
      return CheckTokenLoss(random, kind, rows, width, random.Integer(0, 9));
    default:
      return CheckFunctions(random, kind, width);
  }
}

TEST(AllOps, RandomShapes) {
  Random random(20260101);
  for (int i = 0; i < 10000; i += kStep)
    ASSERT_TRUE(CheckRandomShape(random)) << "shape " << i;
}

}  // namespace
}  // namespace plastometer::portable
