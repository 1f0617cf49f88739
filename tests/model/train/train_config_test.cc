#include "model/train/train_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "tests/errors.h"

namespace plastometer::train {
namespace {

nlohmann::json Good() {
  return nlohmann::json::parse(R"({
    "name": "t", "model": "125m", "tokenizer": "bytes", "sources": [{"name": "go", "max_tokens": 5, "weight": 0.5}],
    "total_tokens": 10000, "output": "t.safetensors"})");
}

std::string Complaint(const nlohmann::json& json,
                      ErrorKind kind = ErrorKind::kInvalid) {
  return MessageOf([&] { TrainConfigFromJson(json, "train.json"); }, kind);
}

TEST(TrainConfigTest, ReadsAndWritesItself) {
  const TrainConfig config = TrainConfigFromJson(Good(), "train.json");
  EXPECT_EQ(config.model.hidden_size, 768);
  EXPECT_EQ(config.sources.at(0).max_tokens, 5);
  EXPECT_EQ(config.num_steps(), 2);  // 10000 tokens at 4 x 2048 a step
  EXPECT_EQ(TrainConfigToJson(
                TrainConfigFromJson(TrainConfigToJson(config), "again")),
            TrainConfigToJson(config));
}

TEST(TrainConfigTest, NamesWhatIsWrong) {
  const auto with = [](const std::string& key, const nlohmann::json& value) {
    nlohmann::json json = Good();
    json[key] = value;
    return json;
  };
  EXPECT_THAT(Complaint(with("learning_rate", 1)),
              testing::HasSubstr("unknown key 'learning_rate'"));
  EXPECT_THAT(Complaint(with("lr", "fast")),
              testing::HasSubstr("'lr' is \"fast\", expected a number"));
  EXPECT_THAT(Complaint(with("lr", -1)), testing::HasSubstr("'lr'"));
  EXPECT_THAT(Complaint(with("batch", 0)),
              testing::HasSubstr("'batch' is 0, expected at least 1"));
  EXPECT_THAT(Complaint(with("batch", 1.5)), testing::HasSubstr("'batch'"));
  EXPECT_THAT(Complaint(with("sources", nlohmann::json::array())),
              testing::HasSubstr("'sources'"));
  EXPECT_THAT(Complaint(with("sources", {{{"name", "go"}, {"cap", 3}}})),
              testing::HasSubstr("unknown key 'cap'"));
  EXPECT_THAT(Complaint(with("profile", "no-such"), ErrorKind::kUsage),
              testing::HasSubstr("no-such"));
  EXPECT_THAT(
      Complaint(with("profile", "uniform;eta=shuffle"), ErrorKind::kUsage),
      testing::HasSubstr("controls of a trained model"));
  EXPECT_THAT(
      Complaint(with("profile", "frozen;start=mean"), ErrorKind::kUsage),
      testing::HasSubstr("controls of a trained model"));
  EXPECT_NO_THROW(TrainConfigFromJson(
      with("profile", "uniform;reset-every=512"), "train.json"));
  EXPECT_THAT(Complaint(with("model", "7b"), ErrorKind::kUsage),
              testing::HasSubstr("7b"));
  nlohmann::json missing = Good();
  missing.erase("total_tokens");
  EXPECT_THAT(Complaint(missing),
              testing::HasSubstr("'total_tokens' is missing"));
}

}  // namespace
}  // namespace plastometer::train
