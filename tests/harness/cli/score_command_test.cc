#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/safetensors.h"
#include "tests/harness/cli/program.h"

namespace plastometer {
namespace {

using testing::ElementsAre;

constexpr char kScore[] =
    "score --model model.safetensors --threads 1 --tokens ids.safetensors ";

TEST(ScoreCommand, WritesLossesAndWhatDescribesThem) {
  Workshop workshop;
  const Outcome outcome =
      workshop.Run(std::string(kScore) +
                   "--profile 'early:2@0.5;until=16' --out o.safetensors");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const SafetensorsFile file(workshop.File("o.safetensors"));
  EXPECT_THAT(file.Read("nll").shape, ElementsAre(2, 39));
  EXPECT_EQ(file.Read("nll").dtype, DType::kF32);
  EXPECT_THAT(file.Read("loss").shape, ElementsAre(2, 40));
  EXPECT_THAT(file.Read("token_ids").shape, ElementsAre(2, 40));
  EXPECT_THAT(ToDoubles(file.Read("layer_indices")), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(ToDoubles(file.Read("lambda")),
              ElementsAre(0.5, 0, 0.5, 0, 0, 0, 0, 0));
  const auto nll = ToDoubles(file.Read("nll")),
             loss = ToDoubles(file.Read("loss"));
  EXPECT_TRUE(std::isnan(loss[0]) && std::isnan(loss[40]));
  EXPECT_EQ(loss[1], nll[0]);
  EXPECT_EQ(loss[41], nll[39]);
  EXPECT_FALSE(file.Has("logits"));
  EXPECT_FALSE(file.Has("grad_norm"));
  EXPECT_EQ(file.metadata().at("lane"), "cpu-portable");
  EXPECT_EQ(file.metadata().at("model_sha256").size(), 64u);
  const auto counters = nlohmann::json::parse(file.metadata().at("counters"));
  // sequences x layers x heads, one mini-batch
  EXPECT_EQ(counters.at("inner_updates"), 2 * 2 * 2);
}

TEST(ScoreCommand, LogitsStatisticsAndStateWhenAskedFor) {
  Workshop workshop;
  const Outcome outcome = workshop.Run(
      std::string(kScore) +
      "--lane cpu-reference-fp64 --logits --stats --state --out o.safetensors");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const SafetensorsFile file(workshop.File("o.safetensors"));
  EXPECT_EQ(file.Read("nll").dtype, DType::kF64);
  EXPECT_THAT(file.Read("logits").shape, ElementsAre(2, 40, 256));
  EXPECT_THAT(file.Read("grad_norm").shape, ElementsAre(2, 4, 2, 2));
  EXPECT_TRUE(file.Has("final_state.3.W1"));
}

TEST(ScoreCommand, OneTokenHasLogitsButNoLoss) {
  Workshop workshop;
  WriteFile(workshop.File("one.txt"), "a");
  const Outcome outcome = workshop.Run(
      "score --model model.safetensors --data one.txt --threads 1 --logits "
      "--out o.safetensors");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("no token has a loss"), std::string::npos);
  const SafetensorsFile file(workshop.File("o.safetensors"));
  EXPECT_THAT(file.Read("nll").shape, ElementsAre(1, 0));
  EXPECT_THAT(file.Read("logits").shape, ElementsAre(1, 1, 256));
}

TEST(ScoreCommand, ChunksChangeNothing) {
  Workshop workshop;
  ASSERT_EQ(workshop
                .Run(std::string(kScore) +
                     "--lane cpu-reference-fp64 --logits --out a")
                .exit_code,
            0);
  ASSERT_EQ(workshop
                .Run(std::string(kScore) +
                     "--lane cpu-reference-fp64 --logits --chunk 7 --out b")
                .exit_code,
            0);
  const SafetensorsFile a(workshop.File("a")), b(workshop.File("b"));
  for (const char* name : {"nll", "logits"}) {
    const auto x = ToDoubles(a.Read(name)), y = ToDoubles(b.Read(name));
    ASSERT_EQ(x.size(), y.size());
    for (size_t i = 0; i < x.size(); ++i)
      ASSERT_NEAR(x[i], y[i], 1e-11) << name << " " << i;
  }
  EXPECT_EQ(a.metadata().at("counters"), b.metadata().at("counters"));
}

TEST(ScoreCommand, TextIsReadThroughTheTokenizer) {
  Workshop workshop;
  WriteFile(workshop.File("short.txt"), "abcabc");
  const Outcome outcome = workshop.Run(
      "score --model model.safetensors --data short.txt --threads 1 --out "
      "o.safetensors");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const SafetensorsFile file(workshop.File("o.safetensors"));
  EXPECT_THAT(ToDoubles(file.Read("token_ids")),
              ElementsAre('a', 'b', 'c', 'a', 'b', 'c'));
  EXPECT_EQ(file.metadata().at("tokenizer_sha256").size(), 64u);
}

// A state that starts anew in each window: a row is what it is alone.
TEST(ScoreCommand, PublishedWindowsAreIndependent) {
  Workshop workshop;
  std::filesystem::create_directory(workshop.File("texts"));
  WriteFile(workshop.File("texts") / "a", "The first document, and ");
  WriteFile(workshop.File("texts") / "b", "the second one, joined to it.");
  const std::string score = "score --model model.safetensors --threads 1 ";
  Outcome outcome = workshop.Run(
      score +
      "--data texts --protocol published --context 20 --out all.safetensors");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const SafetensorsFile all(workshop.File("all.safetensors"));
  EXPECT_THAT(all.Read("nll").shape, ElementsAre(2, 20));
  EXPECT_THAT(all.Read("scored").shape, ElementsAre(2, 21));
  const auto nll = ToDoubles(all.Read("nll"));
  const std::string stream =
      "The first document, and the second one, joined to it.";
  for (size_t row = 0; row < 2; ++row) {
    WriteFile(workshop.File("row.txt"), stream.substr(20 * row, 21));
    const std::string out = "row" + std::to_string(row);
    outcome = workshop.Run(score + "--data row.txt --out " + out);
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    const auto alone =
        ToDoubles(SafetensorsFile(workshop.File(out)).Read("nll"));
    EXPECT_THAT(alone, testing::ElementsAreArray(nll.begin() + 20 * row,
                                                 nll.begin() + 20 * row + 20));
  }
  outcome = workshop.Run(score +
                         "--tokens ids.safetensors --protocol published "
                         "--out x");
  EXPECT_EQ(outcome.exit_code, 2);
}

TEST(ScoreCommand, ExportedWeightsComeBackTheSame) {
  Workshop workshop;
  ASSERT_EQ(workshop.Run("export model.safetensors --out hf").exit_code, 0);
  const Outcome outcome =
      workshop.Run("import --from hf hf --out again.safetensors");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const SafetensorsFile a(workshop.File("model.safetensors")),
      b(workshop.File("again.safetensors"));
  ASSERT_EQ(a.tensors().size(), b.tensors().size());
  for (const auto& [name, info] : a.tensors())
    EXPECT_EQ(a.Read(name).bytes, b.Read(name).bytes) << name;
}

}  // namespace
}  // namespace plastometer
