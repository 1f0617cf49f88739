#include "model/train/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/safetensors.h"
#include "model/train/random.h"
#include "model/train/workers.h"
#include "model/weights/model_file.h"
#include "tests/errors.h"
#include "tests/no_threads.h"

namespace plastometer::train {
namespace {

TrainConfig TinyConfig(InnerModel inner_model = InnerModel::kLinear) {
  TrainConfig c;
  c.name = "tiny";
  c.model.vocab_size = 32;
  c.model.hidden_size = 64;
  c.model.intermediate_size = 48;
  c.model.num_layers = 2;
  c.model.num_heads = 2;
  c.model.inner_model = inner_model;
  c.model.ttt_base_lr = inner_model == InnerModel::kLinear ? 1.0 : 0.1;
  c.batch = 3;
  c.context = 48;
  c.model.context_tokens = c.context;
  c.total_tokens = 40 * c.tokens_per_step();
  c.lr = 1e-2;
  c.warmup_tokens = 4 * c.tokens_per_step();
  return c;
}

// Each window walks through the vocabulary with a stride of its own:
// predictable once two tokens were seen.
TrainingTokens Walks(const TrainConfig& config, int64_t num_windows = 50) {
  TrainingTokens tokens;
  Random random(11);
  for (int64_t w = 0; w < num_windows; ++w) {
    const uint64_t stride = 1 + random.Next() % 3;
    uint64_t id = random.Next() % 32;
    const auto begin = static_cast<int64_t>(tokens.ids.size());
    for (int64_t t = 0; t <= config.context; ++t) {
      tokens.ids.push_back(static_cast<uint16_t>(id));
      id = (id + stride) % 32;
    }
    tokens.AddWindows(begin, static_cast<int64_t>(tokens.ids.size()),
                      config.context);
  }
  return tokens;
}

std::vector<double> Losses(const Trainer& trainer) {
  std::vector<double> losses;
  for (const StepRecord& record : trainer.history())
    losses.push_back(record.loss);
  return losses;
}

TEST(Workers, AThreadThatCannotBeStartedIsTheMachinesFault) {
  const NoThreads none;
  MessageOf([] { Workers workers(4); }, ErrorKind::kInfrastructure);
}

TEST(TrainerTest, LossFalls) {
  const TrainConfig config = TinyConfig();
  Trainer trainer(config, Walks(config), {});
  EXPECT_TRUE(trainer.Run());
  EXPECT_EQ(trainer.step(), 40);
  EXPECT_NEAR(trainer.history().front().loss, std::log(32.0), 0.1);
  EXPECT_LT(trainer.history().back().loss, 0.6 * std::log(32.0));
  for (const StepRecord& record : trainer.history())
    EXPECT_LT(record.gradient_norm, 100);
}

TEST(TrainerTest, FusedAndPlainAutogradTakeTheSameSteps) {
  const TrainConfig config = TinyConfig();
  Trainer fused(config, Walks(config), {}),
      plain(config, Walks(config), {.fused = false});
  for (int i = 0; i < 5; ++i) {
    const StepRecord a = fused.Step(), b = plain.Step();
    EXPECT_NEAR(a.loss, b.loss, 1e-4);
    EXPECT_NEAR(a.gradient_norm, b.gradient_norm, 1e-3 * b.gradient_norm);
  }
}

// Sums over the batch are taken in the batch's order, whoever computed its
// parts.
TEST(TrainerTest, ThreadsDoNotChangeTheBits) {
  const TrainConfig config = TinyConfig();
  Trainer one(config, Walks(config), {.num_threads = 1}),
      three(config, Walks(config), {.num_threads = 3});
  for (int i = 0; i < 4; ++i) {
    one.Step();
    three.Step();
  }
  EXPECT_EQ(Losses(one), Losses(three));
}

TEST(TrainerTest, ResumedRunIsTheSameRun) {
  for (const InnerModel inner : {InnerModel::kLinear, InnerModel::kMlp}) {
    TrainConfig config = TinyConfig(inner);
    config.total_tokens = 12 * config.tokens_per_step();
    config.inner_lr_warmup = 0.5;
    config.inner_lr_start = 0.01;
    const TemporaryFolder folder;
    const TrainOptions options{.checkpoint = folder.path() / "a.safetensors"};
    TrainOptions stopped = options;
    stopped.stop_after_steps = 7;
    Trainer whole(config, Walks(config, 10), {});
    EXPECT_TRUE(whole.Run());
    Trainer first(config, Walks(config, 10), stopped);
    EXPECT_FALSE(first.Run());
    EXPECT_EQ(first.step(), 7);
    Trainer second(config, Walks(config, 10), options);
    second.Resume();
    EXPECT_EQ(second.step(), 7);
    EXPECT_TRUE(second.Run());
    EXPECT_EQ(Losses(second), Losses(whole)) << ToString(inner);
    EXPECT_EQ(std::vector<float>(
                  second.parameters().data(),
                  second.parameters().data() + second.parameters().count()),
              std::vector<float>(
                  whole.parameters().data(),
                  whole.parameters().data() + whole.parameters().count()));
  }
}

TEST(TrainerTest, InterruptionFinishesTheStepAndLeavesACheckpoint) {
  const TrainConfig config = TinyConfig();
  const TemporaryFolder folder;
  const InterruptGuard guard;
  std::raise(SIGTERM);
  Trainer trainer(config, Walks(config),
                  {
                      .checkpoint = folder.path() / "c.safetensors",
                  });
  EXPECT_FALSE(trainer.Run());
  EXPECT_EQ(trainer.interrupted_by(), SIGTERM);
  EXPECT_EQ(trainer.step(), 1);
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "c.safetensors"));
}

TEST(TrainerTest, CheckpointOfAnotherRunIsRefused) {
  const TrainConfig config = TinyConfig();
  const TemporaryFolder folder;
  const TrainOptions options{.checkpoint = folder.path() / "c.safetensors",
                             .stop_after_steps = 1};
  Trainer(config, Walks(config), options).Run();
  TrainConfig other = config;
  other.lr = 1e-3;
  EXPECT_THROW(Trainer(other, Walks(other), options).Resume(), Error);
  EXPECT_THROW(Trainer(config, Walks(config, 49), options).Resume(), Error);
  // Any bit of what is read back would make another model.
  const std::string whole = ReadFile(options.checkpoint);
  const SafetensorsFile file(options.checkpoint);
  for (const auto& [name, info] : file.tensors()) {
    std::string changed = whole;
    changed[info.end - 3] = static_cast<char>(changed[info.end - 3] ^ 1);
    WriteFile(options.checkpoint, changed);
    EXPECT_THAT(
        MessageOf([&] { Trainer(config, Walks(config), options).Resume(); },
                  ErrorKind::kInvalid),
        testing::HasSubstr("damaged"))
        << name;
  }
  std::string other_step = whole;
  other_step[whole.find("\"seconds\":\"") + 11] = '7';
  WriteFile(options.checkpoint, other_step);
  EXPECT_THROW(Trainer(config, Walks(config), options).Resume(), Error);
  WriteFile(options.checkpoint, whole);
  std::filesystem::resize_file(options.checkpoint, 1000);
  EXPECT_THROW(Trainer(config, Walks(config), options).Resume(), Error);
}

TEST(TrainerTest, SavedModelIsTheTrainedOne) {
  const TrainConfig config = TinyConfig();
  const TemporaryFolder folder;
  Trainer trainer(config, Walks(config), {.stop_after_steps = 2});
  trainer.Run();
  trainer.Save(folder.path() / "m.safetensors");
  const ModelFile file = LoadModelFile(folder.path() / "m.safetensors");
  EXPECT_EQ(file.config, config.model);
  for (const auto& [name, tensor] : file.tensors) {
    EXPECT_EQ(tensor.dtype, DType::kBF16) << name;
    EXPECT_EQ(ToDoubles(tensor),
              ToDoubles(trainer.parameters().ToHost(DType::kBF16).at(name)))
        << name;
  }
  const nlohmann::json log = ReadJsonFile(folder.path() / "m.train.json");
  EXPECT_EQ(log.at("loss").size(), 2u);
  EXPECT_EQ(log.at("model_sha256"), file.sha256);
  EXPECT_EQ(log.at("tokens"), 2 * config.tokens_per_step());
}

TEST(TrainerTest, BadDataIsNamed) {
  const TrainConfig config = TinyConfig();
  TrainingTokens tokens = Walks(config);
  tokens.ids[5] = 32;
  EXPECT_THROW(Trainer(config, tokens, {}), Error);
  EXPECT_THROW(Trainer(config, TrainingTokens{{1, 2, 3}, {}, {}}, {}), Error);
}

TEST(WindowsTest, OverlapByTheTargetOnly) {
  TrainingTokens tokens;
  tokens.AddWindows(10, 43,
                    16);  // 33 tokens: two windows of 16 + 1, which share one
  EXPECT_THAT(tokens.windows, testing::ElementsAre(10, 26));
  tokens.AddWindows(43, 59, 16);  // 16 tokens: the last has no target
  EXPECT_EQ(tokens.windows.size(), 2u);
}

TEST(ParametersTest, StartAsTheOfficialCodeDoes) {
  const TrainConfig config = TinyConfig();
  Parameters a(config.model), b(config.model), c(config.model);
  a.Initialize(config.model, 1);
  b.Initialize(config.model, 1);
  c.Initialize(config.model, 2);
  const auto values = [](Parameters& p, const std::string& name) {
    return ToDoubles(p.ToHost(DType::kF32).at(name));
  };
  const std::string ttt = "model/h/0/seq_modeling_block/";
  EXPECT_EQ(values(a, ttt + "wq/kernel"), values(b, ttt + "wq/kernel"));
  EXPECT_NE(values(a, ttt + "wq/kernel"), values(c, ttt + "wq/kernel"));
  const auto deviation = [](const std::vector<double>& x) {
    double sum = 0;
    for (const double v : x) sum += v * v;
    return std::sqrt(sum / static_cast<double>(x.size()));
  };
  for (const char* name :
       {"wq/kernel", "wv/kernel", "wo/kernel", "wg/kernel", "ttt_dense_0"}) {
    EXPECT_NEAR(deviation(values(a, ttt + name)), 0.02, 0.002) << name;
  }
  EXPECT_NEAR(deviation(values(a, "model/wte/embedding")), 0.02, 0.002);
  EXPECT_NEAR(deviation(values(a, ttt + "conv_q/kernel")), 0.5, 0.1);
  EXPECT_THAT(values(a, ttt + "ttt_norm/scale"), testing::Each(1.0));
  EXPECT_THAT(values(a, "model/h/1/ffn_norm/kernel"), testing::Each(1.0));
  for (const char* name :
       {"ttt_norm/bias", "ttt_bias_0", "learnable_ttt_lr/bias",
        "learnable_token_idx", "conv_k/bias"}) {
    EXPECT_THAT(values(a, ttt + name), testing::Each(0.0)) << name;
  }
}

}  // namespace
}  // namespace plastometer::train
