#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/safetensors.h"
#include "base/sha256.h"
#include "tests/harness/cli/program.h"

namespace plastometer {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr char kMean[] =
    "mean-state --model model.safetensors --data text.txt --context 64 "
    "--windows 5 --threads 1 ";
constexpr char kMeanRun[] =
    "run --model model.safetensors --data text.txt --context 64 --threads 1 "
    "--windows 4 --profiles 'frozen;start=mean' --out r";

TEST(MeanStateCommand, WritesTheMeanOfTheFinalStates) {
  Workshop workshop;
  const Outcome outcome = workshop.Run(std::string(kMean) + "--json");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(workshop.NewEntries(), ElementsAre("mean_state.safetensors"));
  const auto json = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(json.at("windows"), "5");
  EXPECT_EQ(json.at("tokens"), "320");
  const SafetensorsFile mean(workshop.File("mean_state.safetensors"));
  EXPECT_EQ(mean.metadata().at("model_sha256"),
            Sha256OfFile(workshop.File("model.safetensors")));
  EXPECT_EQ(mean.metadata().at("command"),
            "plastometer mean-state --model model.safetensors --data text.txt "
            "--context 64 --windows 5 --threads 1 --json");

  // The same windows through `score`: the text is bytes, one token each.
  const std::string text = ReadFile(workshop.File("text.txt"));
  std::vector<int32_t> ids(5 * 64);
  for (size_t i = 0; i < ids.size(); ++i)
    ids[i] = static_cast<unsigned char>(text[i]);
  WriteSafetensors(workshop.File("w.safetensors"),
                   {{"input_ids", HostTensor::FromI32({5, 64}, ids)}});
  ASSERT_EQ(workshop
                .Run("score --model model.safetensors --tokens w.safetensors "
                     "--state --threads 1 --out s.safetensors")
                .exit_code,
            0);
  const std::vector<double> states = ToDoubles(
                                SafetensorsFile(workshop.File("s.safetensors"))
                                    .Read("final_state.3.b1")),
                            expected = ToDoubles(mean.Read(
                                "model/h/3/seq_modeling_block/ttt_bias_0"));
  ASSERT_EQ(states.size(), 5 * expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    double sum = 0;
    for (size_t row = 0; row < 5; ++row)
      sum += states[row * expected.size() + i];
    EXPECT_EQ(static_cast<float>(sum / 5), expected[i]);
  }
}

TEST(MeanStateCommand, ARunThatStartsThereIsPinnedToTheFile) {
  Workshop workshop;
  const Outcome without = workshop.Run(kMeanRun);
  EXPECT_EQ(without.exit_code, 2);
  EXPECT_THAT(without.err,
              HasSubstr("make it with `plastometer mean-state --model"));
  EXPECT_THAT(workshop.NewEntries(), ElementsAre());
  ASSERT_EQ(workshop.Run(kMean).exit_code, 0);
  const Outcome run = workshop.Run(kMeanRun);
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const std::string hash =
      Sha256OfFile(workshop.File("mean_state.safetensors")).substr(0, 12);
  EXPECT_THAT(ReadFile(workshop.File("r") / "plan.json"),
              HasSubstr("0-3:0;start=mean:" + hash));
  EXPECT_THAT(run.out, HasSubstr("mean state sha256 " + hash));
  const auto json =
      nlohmann::json::parse(ReadFile(workshop.File("r") / "results.json"));
  ASSERT_EQ(json.at("plan").at("profiles").size(), 3u);
  const SafetensorsFile losses(workshop.File("r") / "losses.safetensors");
  EXPECT_NE(losses.Read("nll.frozen;start=mean").bytes,
            losses.Read("nll.frozen").bytes);
}

TEST(MeanStateCommand, RefusesWhatItCannotDo) {
  Workshop workshop;
  const auto error = [&](const std::string& arguments) {
    const Outcome outcome = workshop.Run(arguments);
    EXPECT_EQ(outcome.exit_code, 2) << arguments;
    return outcome.err;
  };
  EXPECT_THAT(error("mean-state --model model.safetensors"),
              HasSubstr("either --sources or --data"));
  EXPECT_THAT(error(std::string(kMean) + "--profile 'uniform;start=mean'"),
              HasSubstr("without start=mean"));
  EXPECT_THAT(error(std::string(kMean) + "--windows 0"),
              HasSubstr("--windows"));
  ASSERT_EQ(workshop.Run(kMean).exit_code, 0);
  EXPECT_THAT(error(kMean), HasSubstr("already exists"));
}

}  // namespace
}  // namespace plastometer
