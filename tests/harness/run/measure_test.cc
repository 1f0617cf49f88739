#include "harness/run/measure.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <span>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/safetensors.h"
#include "tests/harness/run/tiny_model.h"

namespace plastometer {
namespace {

TEST(Measure, LossesLandWhereTheirWindowIs) {
  const Model model = TinyModel();
  const std::vector<Window> windows = {
      TinyWindow("a", 40, 1), TinyWindow("b", 50, 2), TinyWindow("c", 40, 3)};
  const ProfilePlan plan = PlanProfiles({"uniform", "retina", "frozen"}, 4);
  RunRecord record;
  int64_t last_done = 0, last_total = 0;
  Measure(model, windows, plan,
          {2, [&](int64_t done,
                  int64_t total) { last_done = done, last_total = total; }},
          record);
  EXPECT_EQ(last_done, 6);  // two batches, three profiles
  EXPECT_EQ(last_total, 6);
  ASSERT_EQ(record.windows.size(), 3u);
  EXPECT_EQ(record.windows[1].scored_bytes, 49 * 3);
  for (size_t p = 0; p < 3; ++p) {
    EXPECT_EQ(record.profiles[p].times.size(), 2u);
    for (size_t w = 0; w < 3; ++w) {
      const ForwardResult alone =
          model.Score(windows[w].ids, 1, plan.profiles[p].profile);
      for (int64_t i = 0; i < alone.num_losses; ++i) {
        ASSERT_NEAR(record.profiles[p].nll[record.windows[w].loss_begin + i],
                    alone.nll[i], 1e-11)
            << p << " " << w << " " << i;
      }
      EXPECT_EQ(record.profiles[p].counters[w], alone.counters);
      EXPECT_GT(record.profiles[p].window_seconds[w], 0);
    }
  }
}

TEST(Measure, ProgressCountsOnlyWhatIsWanted) {
  const Model model = TinyModel();
  const std::vector<Window> windows = {TinyWindow("a", 40, 1),
                                       TinyWindow("b", 50, 2)};
  MeasureOptions options{1, [](int64_t, int64_t) {}};
  std::vector<std::pair<int64_t, int64_t>> seen;
  options.progress = [&](int64_t done, int64_t total) {
    seen.emplace_back(done, total);
  };
  options.wanted = [](size_t batch, size_t profile) {
    return batch == 1 || profile == 2;
  };
  MeasureUnits(model, windows, PlanProfiles({"uniform", "retina"}, 4), options,
               [](const auto&) {});
  EXPECT_EQ(seen, (std::vector<std::pair<int64_t, int64_t>>{
                      {1, 4}, {2, 4}, {3, 4}, {4, 4}}));
}

// Decided on the logits that the losses are made of, on one thread and two,
// chunk by chunk, and with logits or without; the losses stay what they are.
TEST(Measure, CorrectIsTheArgmaxOfTheLogits) {
  std::vector<int32_t> ids = TinyWindow("a", 50, 1).ids;
  const std::vector<int32_t> second = TinyWindow("b", 50, 2).ids;
  ids.insert(ids.end(), second.begin(), second.end());
  for (const Lane lane : {Lane::kCpuReferenceFp64, Lane::kCpuPortable}) {
    const Model model = TinyModel({}, {lane, 2});
    const Profile profile = Profile::Parse("uniform", 4);
    ForwardOptions options;
    const std::vector<double> nll = model.Score(ids, 2, profile).nll;
    options.correct = true;
    const ForwardResult plain = model.Score(ids, 2, profile, options);
    EXPECT_EQ(plain.nll, nll);
    ASSERT_EQ(plain.correct.size(), 2U * 49);
    options.logits = true;
    const ForwardResult with_logits = model.Score(ids, 2, profile, options);
    const std::vector<double> logits =
        ToDoubles(with_logits.logits.at("logits"));
    int num_correct = 0;
    for (size_t row = 0; row < 2; ++row)
      for (size_t t = 1; t < 50; ++t) {
        const auto at = logits.begin() +
                        static_cast<std::ptrdiff_t>(64 * (50 * row + t - 1));
        const bool right =
            std::max_element(at, at + 64) - at == ids[50 * row + t];
        EXPECT_EQ(plain.correct[49 * row + t - 1], right) << row << " " << t;
        num_correct += right;
      }
    EXPECT_GT(num_correct, 0) << "else the test says nothing";
    EXPECT_EQ(with_logits.correct, plain.correct);
    options.logits = false;
    Sequences sequences = model.Start(1, profile);
    std::vector<uint8_t> pieces;
    for (const auto& [begin, end] : {std::pair(0, 1), {1, 20}, {20, 50}}) {
      const auto part = model.Forward(
          sequences, std::span(ids).subspan(begin, end - begin), options);
      pieces.insert(pieces.end(), part.correct.begin(), part.correct.end());
    }
    EXPECT_TRUE(
        std::equal(pieces.begin(), pieces.end(), plain.correct.begin()));
    EXPECT_EQ(pieces.size(), 49U);
  }
}

TEST(Measure, WhereAllAreEquallyProbableNoneIsCorrect) {
  const Model model =
      TinyModel([](const std::string& name, HostTensor& tensor) {
        if (name.find("embedding") != std::string::npos)
          std::ranges::fill(tensor.bytes, std::byte{0});
      });
  RunRecord record;
  MeasureOptions options;
  options.accuracy = true;
  Measure(model, {TinyWindow("a", 20, 0)}, PlanProfiles({"uniform"}, 4),
          options, record);
  EXPECT_EQ(record.profiles[0].correct, std::vector<uint8_t>(19, 0));
  EXPECT_NEAR(record.profiles[0].nll[0], std::log(64), 1e-9);
}

TEST(Measure, RefusesNothingAndOneToken) {
  const Model model = TinyModel();
  const ProfilePlan plan = PlanProfiles({"uniform"}, 4);
  RunRecord record;
  EXPECT_THROW(Measure(model, {}, plan, {}, record), Error);
  EXPECT_THROW(Measure(model, {TinyWindow("a", 1, 1)}, plan, {}, record),
               Error);
}

TEST(Measure, UnknownBytesStayUnknown) {
  const Model model = TinyModel();
  Window window = TinyWindow("a", 20, 1);
  window.token_bytes.clear();
  RunRecord record;
  Measure(model, {window}, PlanProfiles({"uniform"}, 4), {}, record);
  EXPECT_EQ(record.windows[0].scored_bytes, -1);
}

TEST(Measure, CountersThatAreOffAreAnInternalError) {
  const Model model = TinyModel();
  const Profile profile = Profile::Parse("retina", 4);
  Counters counters = CountersByFormula(model.config(), profile, 2, 40);
  EXPECT_NO_THROW(CheckCounters(model, profile, 2, 40, counters));
  ++counters.inner_updates;
  EXPECT_THROW(CheckCounters(model, profile, 2, 40, counters), Error);
}

TEST(Measure, StopsAtTheNextUnitAfterASignal) {
  const Model model = TinyModel();
  const InterruptGuard guard;
  std::raise(SIGTERM);
  RunRecord record;
  try {
    Measure(model, {TinyWindow("a", 20, 1)}, PlanProfiles({"uniform"}, 4), {},
            record);
    FAIL() << "expected Interrupted";
  } catch (const Interrupted& interrupted) {
    EXPECT_EQ(interrupted.signal, SIGTERM);
  }
}

}  // namespace
}  // namespace plastometer
