#include "model/train/train_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace plastometer::train {
namespace {

nlohmann::json Good() {
  return nlohmann::json::parse(R"({
    "name": "t", "model": "125m", "tokenizer": "bytes", "sources": [{"name": "go", "max_tokens": 5, "weight": 0.5}],
    "total_tokens": 10000, "output": "t.safetensors"})");
}

std::string ErrorOf(const nlohmann::json& json) {
  try {
    TrainConfigFromJson(json, "train.json");
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
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
  EXPECT_THAT(ErrorOf(with("learning_rate", 1)),
              testing::HasSubstr("unknown key 'learning_rate'"));
  EXPECT_THAT(ErrorOf(with("lr", "fast")),
              testing::HasSubstr("'lr' is \"fast\", expected a number"));
  EXPECT_THAT(ErrorOf(with("lr", -1)), testing::HasSubstr("'lr'"));
  EXPECT_THAT(ErrorOf(with("batch", 0)),
              testing::HasSubstr("'batch' is 0, expected at least 1"));
  EXPECT_THAT(ErrorOf(with("batch", 1.5)), testing::HasSubstr("'batch'"));
  EXPECT_THAT(ErrorOf(with("sources", nlohmann::json::array())),
              testing::HasSubstr("'sources'"));
  EXPECT_THAT(ErrorOf(with("sources", {{{"name", "go"}, {"cap", 3}}})),
              testing::HasSubstr("unknown key 'cap'"));
  EXPECT_THAT(ErrorOf(with("profile", "no-such")),
              testing::HasSubstr("no-such"));
  EXPECT_THAT(ErrorOf(with("profile", "uniform;eta=shuffle")),
              testing::HasSubstr("controls of a trained model"));
  EXPECT_THAT(ErrorOf(with("profile", "frozen;start=mean")),
              testing::HasSubstr("controls of a trained model"));
  EXPECT_EQ(ErrorOf(with("profile", "uniform;reset-every=512")), "no error");
  EXPECT_THAT(ErrorOf(with("model", "7b")), testing::HasSubstr("7b"));
  nlohmann::json missing = Good();
  missing.erase("total_tokens");
  EXPECT_THAT(ErrorOf(missing),
              testing::HasSubstr("'total_tokens' is missing"));
}

}  // namespace
}  // namespace plastometer::train
