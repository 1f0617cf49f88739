#include "datasets/task_data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <csignal>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/interrupt.h"
#include "datasets/synthetic/synthetic.h"
#include "tests/datasets/helpers.h"
#include "tests/errors.h"

namespace plastometer {
namespace {

using testing::HasSubstr;

TEST(TaskData, WindowsAreHeldOutDocumentsWithTheirFloor) {
  TaskData data;
  data.name = "chains";
  data.num_documents = 3;
  data.num_tokens = 20;
  const EvaluationSet set = LoadTaskData(data);
  ASSERT_EQ(set.windows.size(), 3U);
  const auto document =
      synthetic::MakeSyntheticTask("chains", {{"states", 8}}, 1)
          ->Document(synthetic::kHeldOutDocuments + 2, 20);
  EXPECT_EQ(set.windows[2].ids, document.ids);
  EXPECT_EQ(set.windows[2].floor_nats, document.floor_nats);
  EXPECT_TRUE(set.windows[2].scored.empty());
  EXPECT_NE(set.windows[0].work, set.windows[1].work);
  data.held_out = false;
  EXPECT_NE(LoadTaskData(data).sha256, set.sha256);
}

TEST(TaskData, AnswersAloneAreScored) {
  TaskData data;
  data.name = "mqar";
  data.num_documents = 2;
  data.num_tokens = 64;
  const std::string all = LoadTaskData(data).sha256;
  data.answers_only = true;
  const EvaluationSet set = LoadTaskData(data);
  EXPECT_NE(set.sha256, all);  // what is scored is part of the identity
  int64_t scored = 0, without_law = 0;
  for (size_t t = 0; t < 64; ++t) {
    scored += set.windows[0].scored[t];
    without_law += std::isnan(set.windows[0].floor_nats[t]);
    if (set.windows[0].scored[t] != 0) {
      EXPECT_EQ(set.windows[0].floor_nats[t], 0);
    }
  }
  EXPECT_EQ(scored, 8);        // one a pair
  EXPECT_EQ(without_law, 24);  // the first token of each slot
}

TEST(TaskData, BadInputIsNamed) {
  TaskData data;
  data.name = "chains";
  data.parameters_json = R"({"states": 1})";
  EXPECT_THAT(MessageOf([&] { LoadTaskData(data); }, ErrorKind::kUsage),
              HasSubstr("states"));
  data.parameters_json = "{";
  EXPECT_THAT(MessageOf([&] { LoadTaskData(data); }),
              HasSubstr("parameters of task chains"));
  data.parameters_json = "{}";
  data.answers_only = true;
  EXPECT_THAT(MessageOf([&] { LoadTaskData(data); }), HasSubstr("no answer"));
}

// A suite that somebody sent: not one document is made.
TEST(TaskData, MoreThanTheMachineHoldsIsRefusedBeforeItIsTaken) {
  TaskData data;
  data.name = "chains";
  data.num_documents = int64_t{1} << 24;
  data.num_tokens = int64_t{1} << 22;
  EXPECT_THAT(
      MessageOf([&] { LoadTaskData(data); }, ErrorKind::kInfrastructure),
      testing::StartsWith("16777216 documents of 4194304 tokens of "
                          "task chains need at least "));
}

TEST(TaskData, ASignalEndsTheMaking) {
  const InterruptGuard guard;
  std::raise(SIGINT);
  TaskData data;
  data.name = "chains";
  EXPECT_THROW(LoadTaskData(data), Interrupted);
}

}  // namespace
}  // namespace plastometer
