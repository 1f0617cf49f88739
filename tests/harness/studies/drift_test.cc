#include "harness/studies/drift.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "harness/stats/token_shift.h"
#include "tests/harness/run/tiny_model.h"

namespace plastometer {
namespace {

DriftRequest Request(const std::vector<std::string>& names,
                     const std::vector<int64_t>& positions,
                     int64_t batch_size = 8) {
  DriftRequest request{{}, positions, batch_size};
  for (const std::string& name : names)
    request.profiles.push_back({Profile::Parse(name, 4), {}, true});
  return request;
}

const std::vector<Window> kContexts = {
    TinyWindow("a", 96, 1), TinyWindow("b", 96, 2), TinyWindow("c", 96, 3)};
const std::vector<Window> kProbes = {TinyWindow("p", 20, 5),
                                     TinyWindow("q", 20, 6)};

TEST(Drift, FrozenAndTokenZeroAreExactlyZero) {
  const Model model = TinyModel();
  const DriftRecord record = MeasureDrift(
      model, Request({"frozen", "uniform"}, {0, 32, 96}), kContexts, kProbes);
  ASSERT_EQ(record.points.size(), 2u * 3 * 3);
  EXPECT_EQ(record.probe_predictions, 2 * 19);
  for (size_t n = 0; n < 3; ++n) {
    for (size_t p = 0; p < 2; ++p) {
      for (const DriftPoint& point : record.At(p, n)) {
        const bool still = p == 0 || n == 0;
        EXPECT_EQ(point.kl == 0, still);
        EXPECT_EQ(point.js == 0, still);
        EXPECT_EQ(point.nll_change == 0, still);
        EXPECT_LE(point.flips, still ? 0 : 19 * 2);
        double moved = 0;
        for (const double d : point.weight_distance) moved += d;
        EXPECT_EQ(moved == 0, still) << p << " " << n;
      }
    }
  }
}

TEST(Drift, OnlyTheLayerThatLearnsMoves) {
  const DriftRecord record = MeasureDrift(
      TinyModel(), Request({"layers:2"}, {64}), kContexts, kProbes);
  for (const DriftPoint& point : record.At(0, 0)) {
    ASSERT_EQ(point.weight_distance.size(), 4u * 2);
    for (size_t i = 0; i < 8; ++i)
      EXPECT_EQ(point.weight_distance[i] > 0, i / 2 == 2) << i;
    EXPECT_GT(point.kl, 0);
  }
}

// What the probe reports, computed another way: the state of a snapshot that
// goes on frozen differs only in the convolutions' histories, so a model whose
// W_0 is the state taken is the honest comparison.
TEST(Drift, EqualsAModelThatBeginsAtTheState) {
  const Model model = TinyModel();
  const DriftRecord record = MeasureDrift(model, Request({"uniform"}, {48}),
                                          {kContexts[1]}, {kProbes[0]});
  const Profile uniform = Profile::Parse("uniform", 4),
                frozen = Profile::Parse("frozen", 4);
  const std::vector<int32_t> read(kContexts[1].ids.begin(),
                                  kContexts[1].ids.begin() + 48);
  const ForwardResult after =
      model.Score(read, 1, uniform,
                  {.final_state = true, .statistics = StatisticsMode::kOn});
  const Model moved = TinyModel([&](const std::string& name, HostTensor& w) {
    for (int l = 0; l < 4; ++l) {
      const std::string layer = std::to_string(l);
      const std::string ttt = "model/h/" + layer + "/seq_modeling_block/ttt_";
      for (const auto& [stored, part] :
           {std::pair{"dense_0", ".W1"}, {"bias_0", ".b1"}})
        if (name == ttt + stored)
          w.bytes = after.state.at("final_state." + layer + part).bytes,
          w.dtype = DType::kF64;
    }
  });
  const ForwardOptions logits{.logits = true};
  const ForwardResult p = model.Score(kProbes[0].ids, 1, frozen, logits),
                      q = moved.Score(kProbes[0].ids, 1, frozen, logits);
  const std::vector<double> before = ToDoubles(p.logits.at("logits")),
                            now = ToDoubles(q.logits.at("logits"));
  DriftPoint expected;
  for (size_t t = 0; t + 1 < kProbes[0].ids.size(); ++t) {
    const auto row = [&](const std::vector<double>& values) {
      return stats::Softmax(std::span(values).subspan(t * 64, 64));
    };
    const stats::TokenShift shift = stats::ShiftBetween(row(before), row(now));
    expected.kl += shift.kl;
    expected.js += shift.js;
    expected.flips += shift.top_flipped;
    expected.nll_change += q.nll[t] - p.nll[t];
  }
  const DriftPoint& point = record.points[0];
  EXPECT_NEAR(point.kl, expected.kl, 1e-11);
  EXPECT_NEAR(point.js, expected.js, 1e-11);
  EXPECT_NEAR(point.nll_change, expected.nll_change, 1e-11);
  EXPECT_EQ(point.flips, expected.flips);
  EXPECT_GT(point.kl, 1e-6);
  // The weights' distance is what the inner loop's own statistics say:
  // [1, L, H, 3].
  const std::vector<double> distance =
      ToDoubles(after.statistics.at("state_distance"));
  for (size_t i = 0; i < 8; ++i)
    EXPECT_NEAR(point.weight_distance[i], distance[i * 3 + 2], 1e-12);
}

void ExpectSameBits(const DriftRecord& a, const DriftRecord& b) {
  EXPECT_EQ(a.probe_nll, b.probe_nll);
  ASSERT_EQ(a.points.size(), b.points.size());
  for (size_t i = 0; i < a.points.size(); ++i) {
    EXPECT_EQ(a.points[i].kl, b.points[i].kl);
    EXPECT_EQ(a.points[i].js, b.points[i].js);
    EXPECT_EQ(a.points[i].nll_change, b.points[i].nll_change);
    EXPECT_EQ(a.points[i].flips, b.points[i].flips);
    EXPECT_EQ(a.points[i].weight_distance, b.points[i].weight_distance);
  }
}

TEST(Drift, PortableHasTheSameBitsForAnyThreadsAndBatch) {
  const auto measure = [](int threads, int64_t batch_size) {
    return MeasureDrift(TinyModel({}, {Lane::kCpuPortable, threads}),
                        Request({"uniform", "retina"}, {16, 96}, batch_size),
                        kContexts, kProbes);
  };
  const DriftRecord one = measure(1, 8);
  EXPECT_GT(one.points[0].kl, 0);
  ExpectSameBits(one, measure(3, 8));
  ExpectSameBits(one, measure(2, 1));
}

TEST(Drift, RefusesWhatCannotBeMeasured) {
  for (const std::vector<int64_t>& wrong :
       std::vector<std::vector<int64_t>>{{}, {8}, {-16}, {32, 16}, {16, 16}})
    EXPECT_THROW(CheckPositions(wrong), Error);
  const Model model = TinyModel();
  EXPECT_THROW(MeasureDrift(model, Request({"uniform"}, {16}), {}, kProbes),
               Error);
  EXPECT_THROW(MeasureDrift(model, Request({"uniform"}, {16}), kContexts, {}),
               Error);
  const Sequences one = model.Start(1, Profile::Parse("uniform", 4));
  EXPECT_THROW(model.StartFrom(one, 1, 1, Profile::Parse("frozen", 4)), Error);
  EXPECT_THROW(
      model.StartFrom(one, 0, 1, Profile::Parse("uniform;reset=16", 4)), Error);
}

TEST(Drift, WindowsAreChosen) {
  std::vector<std::string> notes;
  const std::vector<Window> reach = WindowsThatReach(
      {TinyWindow("a", 40, 1), TinyWindow("b", 20, 1)}, 32, "context", notes);
  ASSERT_EQ(reach.size(), 1u);
  EXPECT_EQ(reach[0].ids.size(), 32u);
  EXPECT_EQ(notes.size(), 1u);
  const std::vector<Window> others = OtherWorks(
      {TinyWindow("a", 40, 1), TinyWindow("p", 40, 1), TinyWindow("q", 40, 1)},
      kContexts, 1);
  ASSERT_EQ(others.size(), 1u);
  EXPECT_EQ(others[0].work, "p");
}

// Planted values: three works of one context each do not get an interval,
// twelve do; frozen's differs from uniform's by all of it.
TEST(Drift, SummaryIsOverWorks) {
  DriftRecord record;
  record.num_layers = 2;
  record.num_heads = 1;
  record.probe_predictions = 10;
  record.positions = {16};
  record.profiles = {{"uniform", {}, "all"}, {"frozen", {}, "none"}};
  for (int i = 0; i < 12; ++i)
    record.contexts.push_back({"s", "d", "w" + std::to_string(i), "x", 0});
  for (int i = 0; i < 12; ++i)
    record.points.push_back({1.0 + i, 0.5, -2, 3, {0.5, 1}});
  for (int i = 0; i < 12; ++i) record.points.push_back({0, 0, 0, 0, {0, 0}});
  const auto rows = SummariseDrift(record);
  const DriftRow& uniform = rows[0][0];
  EXPECT_NEAR(*uniform.kl.value, 0.65, 1e-15);
  EXPECT_TRUE(uniform.kl.low && *uniform.kl.low > 0.4);
  EXPECT_NEAR(*uniform.flips.value, 0.3, 1e-15);
  EXPECT_NEAR(*uniform.nll_change.value, -0.2, 1e-15);
  EXPECT_NEAR(*uniform.weight_distance.value, 0.75, 1e-15);
  EXPECT_EQ(uniform.layer_distance, (std::vector<double>{0.5, 1}));
  EXPECT_NEAR(*rows[1][0].kl_against_first.value, -0.65, 1e-15);
  EXPECT_TRUE(rows[1][0].kl_against_first.high &&
              *rows[1][0].kl_against_first.high < 0);
  for (DriftContext& context : record.contexts) context.work = "one";
  EXPECT_FALSE(SummariseDrift(record)[0][0].kl.low);
  record.points.pop_back();
  EXPECT_THROW(SummariseDrift(record), Error);
}

}  // namespace
}  // namespace plastometer
