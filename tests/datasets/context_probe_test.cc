#include "datasets/context_probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/datasets/helpers.h"

namespace plastometer {
namespace {

using testing::Each;
using testing::HasSubstr;

// Ids of document n are n * 1000 + place.
EvaluationSet Documents() {
  EvaluationSet set;
  for (int n = 0; n < 4; ++n) {
    Window w;
    w.source = w.domain = n < 2 ? "prose" : "code";
    w.work = w.document = "work " + std::to_string(n);
    for (int t = 0; t < 64; ++t) {
      w.ids.push_back(n * 1000 + t);
      w.token_bytes.push_back(n + 1);
    }
    set.windows.push_back(w);
  }
  return set;
}

EvaluationSet Probe(const std::string& condition) {
  return MakeContextProbe(Documents(), {32, 16, 20, {condition}});
}

TEST(ContextProbe, TheSameTokensAreScoredAfterEveryContext) {
  for (const char* condition : {"fresh", "own", "other", "own+other",
                                "own+domain", "own+noise", "own+repetition"}) {
    const Window w = Probe(condition).windows[1];
    const std::vector<int32_t> last(w.ids.end() - 20, w.ids.end());
    for (int i = 0; i < 20; ++i) EXPECT_EQ(last[i], 1032 + i) << condition;
    ASSERT_EQ(w.scored.size(), w.ids.size());
    int64_t scored = 0;
    for (const uint8_t s : w.scored) scored += s;
    EXPECT_EQ(scored, 19) << condition;  // not the first, which is new to fresh
    EXPECT_EQ(w.scored[w.ids.size() - 20], 0);
    EXPECT_EQ(w.condition, condition);
    EXPECT_EQ(w.work, "work 1");
    EXPECT_EQ(w.token_bytes.size(), w.ids.size());
  }
}

TEST(ContextProbe, ContextsAreWhatTheirNamesSay) {
  const auto begin = [](const std::string& condition, size_t from, size_t n) {
    const Window w = Probe(condition).windows[1];
    return std::vector<int32_t>(w.ids.begin() + from, w.ids.begin() + from + n);
  };
  EXPECT_EQ(Probe("fresh").windows[1].ids.size(), 20U);
  EXPECT_EQ(Probe("own").windows[1].ids.size(), 52U);
  EXPECT_EQ(Probe("own+other").windows[1].ids.size(), 68U);
  EXPECT_EQ(begin("own", 0, 2), (std::vector<int32_t>{1000, 1001}));
  // Around the circle: after work 1 of prose comes work 0.
  EXPECT_EQ(begin("other", 0, 2), (std::vector<int32_t>{0, 1}));
  EXPECT_EQ(begin("own+other", 31, 2), (std::vector<int32_t>{1031, 0}));
  EXPECT_EQ(begin("own+domain", 31, 2), (std::vector<int32_t>{1031, 2000}));
  EXPECT_EQ(begin("own+repetition", 31, 2), (std::vector<int32_t>{1031, 1016}));
  EXPECT_NE(begin("own+noise", 32, 16),
            (Probe("own+noise").windows[0].ids));  // a draw for each window
}

TEST(ContextProbe, ShortWindowsAreLeftOutAndCounted) {
  EvaluationSet set = Documents();
  set.windows[0].ids.resize(51);
  set.windows[0].token_bytes.resize(51);
  const EvaluationSet probe = MakeContextProbe(set, {32, 16, 20, {"own"}});
  EXPECT_EQ(probe.windows.size(), 3U);
  EXPECT_THAT(probe.notes.back(), HasSubstr("1 windows are shorter"));
}

TEST(ContextProbe, BadInputIsNamed) {
  const auto message = [](const ContextProbe& probe, ErrorKind kind) {
    return MessageOf([&] { MakeContextProbe(Documents(), probe); }, kind);
  };
  EXPECT_THAT(message({32, 16, 20, {"mine"}}, ErrorKind::kUsage),
              HasSubstr("'mine'"));
  EXPECT_THAT(message({32, 16, 20, {"own", "own"}}, ErrorKind::kUsage),
              HasSubstr("twice"));
  EXPECT_THAT(message({30, 16, 20, {"own"}}, ErrorKind::kUsage),
              HasSubstr("30 tokens"));
  EXPECT_THAT(message({64, 16, 20, {"own"}}, ErrorKind::kInvalid),
              HasSubstr("no window"));
  EvaluationSet alone = Documents();
  alone.windows.erase(alone.windows.begin() + 1);
  EXPECT_THAT(MessageOf([&] {
                MakeContextProbe(alone, {32, 16, 20, {"other"}});
              }),
              HasSubstr("no other work"));
}

}  // namespace
}  // namespace plastometer
