#include "harness/check/exit_codes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iterator>

#include "base/error.h"
#include "tests/harness/golden/random_golden.h"

namespace plastometer {
namespace {

constexpr int kGravestFirst[] = {70, 8, 4, 5, 1, 3, 6, 7, 0};

TEST(ExitCodes, TheGraverOfEveryPairWinsInEitherOrder) {
  for (size_t i = 0; i < std::size(kGravestFirst); ++i) {
    for (size_t j = i; j < std::size(kGravestFirst); ++j) {
      const int a = kGravestFirst[i], b = kGravestFirst[j];
      EXPECT_EQ(CombineExitCodes({a, b}), a) << a << " and " << b;
      EXPECT_EQ(CombineExitCodes({b, a}), a) << b << " and " << a;
    }
  }
}

TEST(ExitCodes, NoneIsAPassAndAnUnknownOneIsInternal) {
  EXPECT_EQ(CombineExitCodes({}), 0);
  EXPECT_EQ(CombineExitCodes({0, 0}), 0);
  EXPECT_EQ(CombineExitCodes({7, 0, 1, 6}), 1);
  for (const int code : {2, 77, 130, -1, 255})
    EXPECT_EQ(CombineExitCodes({0, code}), 70) << code;
}

TEST(Policy, WithoutOneTheCodeItselfIsKept) {
  const Policy policy = ParsePolicy("");
  for (const int code : kGravestFirst) EXPECT_EQ(policy.Apply(code), code);
}

TEST(Policy, TheDefaultFailsOnAllButPassImprovementAndInconclusive) {
  const Policy policy = ParsePolicy("default");
  for (const int code : kGravestFirst) {
    const bool passes = code == 0 || code == 6 || code == 7;
    EXPECT_EQ(policy.Apply(code), passes ? 0 : code);
    EXPECT_EQ(policy.ActionOf(code),
              passes ? Policy::Action::kPass : Policy::Action::kFail);
  }
}

TEST(Policy, SaysWhatACodeMeansAndLeavesTheOthers) {
  const Policy policy = ParsePolicy("6=fail,7=retry,3=pass,8=retry");
  EXPECT_EQ(policy.Apply(6), 6);
  EXPECT_EQ(policy.Apply(7), 7);
  EXPECT_EQ(policy.Apply(8), 7);
  EXPECT_EQ(policy.Apply(3), 0);
  EXPECT_EQ(policy.Apply(1), 1);
  EXPECT_EQ(policy.Apply(0), 0);
  EXPECT_EQ(ParsePolicy("0=fail").Apply(0), 1);
  EXPECT_EQ(ParsePolicy("default").Apply(7, 1), 0);
  EXPECT_EQ(ParsePolicy("default").Apply(7, 2), 7);
  EXPECT_EQ(ParsePolicy("7=pass").Apply(7, 2), 0);
}

TEST(Policy, WhatItDoesNotUnderstandIsRefusedWithThePiece) {
  for (const char* bad :
       {"6", "6=", "=fail", "6=maybe", "6=FAIL", "6 =fail", " 6=fail", "2=pass",
        "77=pass", "x=pass", "6x=fail", "6.0=fail", "-6=fail", "06x=fail",
        "99999999999=fail", "6=fail,,7=pass", "6=fail;7=pass", ",",
        "6=fail,default"}) {
    EXPECT_THAT(MessageOf([&] { ParsePolicy(bad); }, ErrorKind::kUsage),
                ::testing::AllOf(::testing::HasSubstr("--policy"),
                                 ::testing::HasSubstr("pass, fail or retry")))
        << bad;
  }
  EXPECT_THAT(
      MessageOf([] { ParsePolicy("6=fail,6=pass"); }, ErrorKind::kUsage),
      ::testing::HasSubstr("code 6 comes twice"));
}

}  // namespace
}  // namespace plastometer
