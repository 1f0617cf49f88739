// A model that sees the token which it is about to predict must be caught
// twice: by the law of the data, and by the causality probe.
#include "harness/results/leak_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "base/error.h"
#include "datasets/task_data.h"
#include "harness/results/works.h"
#include "harness/run/measure.h"
#include "harness/run/plan.h"
#include "model/causality.h"
#include "tests/errors.h"
#include "tests/harness/run/tiny_model.h"

namespace plastometer {
namespace {

using testing::HasSubstr;

std::vector<Window> Chains(int64_t documents) {
  TaskData data;
  data.name = "chains";
  data.num_documents = documents;
  data.num_tokens = 64;
  return LoadTaskData(data).windows;
}

// The model's own logits, and `peek` more for the token that comes next.
ForwardResult ScorePeeking(const Model& model, std::span<const int32_t> ids,
                           int64_t rows, double peek) {
  Sequences sequences =
      model.Start(rows, Profile::Parse("uniform", model.config().num_layers));
  ForwardOptions options;
  options.logits = true;
  ForwardResult result = model.Forward(sequences, ids, options);
  const int64_t T = result.num_tokens, V = model.config().vocab_size;
  HostTensor& logits = result.logits.at("logits");
  auto* values = reinterpret_cast<double*>(logits.bytes.data());
  for (int64_t b = 0; b < rows; ++b) {
    for (int64_t t = 0; t + 1 < T; ++t) {
      double* row = values + (b * T + t) * V;
      const int32_t next = ids[static_cast<size_t>(b * T + t + 1)];
      row[next] += peek;
      double sum = 0;
      for (int64_t v = 0; v < V; ++v) sum += std::exp(row[v]);
      result.nll[static_cast<size_t>(b * (T - 1) + t)] =
          std::log(sum) - row[next];
    }
  }
  return result;
}

RunRecord RecordOf(const Model& model, double peek) {
  const std::vector<Window> windows = Chains(8);
  RunRecord record;
  PlanRecord(windows, PlanProfiles({"uniform"}, 4), 4, record);
  for (ProfileRecord& profile : record.profiles) profile.nll.clear();
  for (const Window& w : windows) {
    const ForwardResult scored = ScorePeeking(model, w.ids, 1, peek);
    for (ProfileRecord& profile : record.profiles)
      profile.nll.insert(profile.nll.end(), scored.nll.begin(),
                         scored.nll.end());
  }
  return record;
}

std::string LeakMessage(const RunRecord& record) {
  try {
    CheckLeaks(record);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInternal);
    return error.what();
  }
  return "no leak";
}

TEST(LeakCheck, AModelThatPeeksBeatsTheBayesLoss) {
  const Model model = TinyModel();
  EXPECT_EQ(LeakMessage(RecordOf(model, 0)), "no leak");
  EXPECT_THAT(LeakMessage(RecordOf(model, 12)), HasSubstr("seen the future"));
}

TEST(LeakCheck, TheBayesReaderItselfPasses) {
  const std::vector<Window> windows = Chains(64);
  RunRecord record;
  PlanRecord(windows, PlanProfiles({"uniform"}, 4), 4, record);
  for (ProfileRecord& profile : record.profiles) {
    for (size_t w = 0; w < windows.size(); ++w)
      std::copy(windows[w].floor_nats.begin() + 1, windows[w].floor_nats.end(),
                profile.nll.begin() + record.windows[w].loss_begin);
  }
  EXPECT_EQ(LeakMessage(record), "no leak");
  for (size_t k = 0; k < NumOctaves(64); ++k) {  // its loss is the floor
    const WorkSums works = SumByWork(record, AllWindows(record), OctaveBegin(k),
                                     OctaveBegin(k + 1));
    for (size_t w = 0; w < works.num_works(); ++w)
      EXPECT_NEAR(works.floor[w], works.nll[0][w], 1e-9);
  }
  // A quarter of a nat less for every token is 1,008 nats in 64 windows, but
  // only 15.75 in each: the windows together tell it.
  for (double& nats : record.profiles[0].nll) nats -= 0.25;
  EXPECT_THAT(LeakMessage(record), HasSubstr("64 windows together"));
  // One window alone does, too, and is named.
  for (double& nats : record.profiles[0].nll) nats += 1;
  for (int64_t i = 0; i < 63; ++i)
    record.profiles[0].nll[record.windows[5].loss_begin + i] -= 1.5;
  EXPECT_THAT(LeakMessage(record), HasSubstr("window 5 (document 5)"));
}

TEST(LeakCheck, TokensWithoutALawAndMissingLossesDoNotCount) {
  RunRecord record;
  PlanRecord(Chains(1), PlanProfiles({"uniform"}, 4), 4, record);
  for (double& nats : record.profiles[0].nll) nats = -100;
  record.windows[0].floor.exact.clear();
  EXPECT_EQ(LeakMessage(record), "no leak");
  RunRecord missing;
  PlanRecord(Chains(1), PlanProfiles({"uniform"}, 4), 4, missing);
  for (ProfileRecord& profile : missing.profiles)
    std::fill(profile.nll.begin(), profile.nll.end(), std::nan(""));
  EXPECT_EQ(LeakMessage(missing), "no leak");
}

TEST(Causality, AModelThatPeeksOneTokenAheadIsCaught) {
  const Model model = TinyModel();
  const std::vector<int32_t> ids = Chains(1)[0].ids;
  const auto check = [&](double peek) {
    CheckCausality(
        [&](std::span<const int32_t> two) {
          return ScorePeeking(model, two, 2, peek);
        },
        ids, model.config().vocab_size, "test");
  };
  EXPECT_NO_THROW(check(0));
  EXPECT_THAT(MessageOf([&] { check(0.01); }, ErrorKind::kInternal),
              HasSubstr("changing token 32 moved what is said at token 31"));
}

}  // namespace
}  // namespace plastometer
