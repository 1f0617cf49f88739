#include "model/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "model/weights/parameter_specs.h"
#include "tests/errors.h"

namespace plastometer {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;

json JaxConfig() {
  return {{"vocab_size", 193},
          {"num_hidden_layers", 3},
          {"hidden_size", 128},
          {"num_attention_heads", 2},
          {"intermediate_size", 96},
          {"max_sequence_length", 128},
          {"seq_modeling_block", "ttt_linear"},
          {"ttt_base_lr", 1.0},
          {"mini_batch_size", 16},
          {"rope_theta", 10000.0},
          {"pre_conv", true},
          {"conv_width", 4},
          {"rms_norm_eps", 1e-6},
          {"initializer_range", 0.02},
          {"tie_word_embeddings", true}};
}

json TorchConfig() {
  return {{"model_type", "ttt"},
          {"vocab_size", 193},
          {"num_hidden_layers", 3},
          {"hidden_size", 128},
          {"num_attention_heads", 2},
          {"intermediate_size", 96},
          {"max_position_embeddings", 128},
          {"ttt_layer_type", "linear"},
          {"ttt_base_lr", 1.0},
          {"use_gate", true},
          {"share_qk", true},
          {"pre_conv", true},
          {"conv_kernel", 4},
          {"mini_batch_size", 16},
          {"hidden_act", "silu"},
          {"tie_word_embeddings", true}};
}

std::string Complaint(const json& config) {
  const std::string message =
      MessageOf([&] { ConfigFromJson(config, "c.json"); });
  EXPECT_THAT(message, HasSubstr("c.json"));
  return message;
}

json With(json config, const char* field, const json& value) {
  config[field] = value;
  return config;
}

TEST(Config, PublishedSizesHaveTheirPublishedParameterCounts) {
  const std::pair<const char*, int64_t> expected[] = {
      {"125m", 110'424'144}, {"125m-mlp", 114'589'776},
      {"350m", 337'684'224}, {"350m-mlp", 348'792'576},
      {"760m", 733'608'192}, {"760m-mlp", 758'528'256},
      {"1b", 1'285'639'296}, {"1b-mlp", 1'307'856'000}};
  for (const auto& [name, parameters] : expected) {
    EXPECT_EQ(NumParameters(NamedConfig(name)), parameters) << name;
    EXPECT_NO_THROW(ValidateConfig(NamedConfig(name), name));
  }
  EXPECT_EQ(NamedConfig("760m").head_dim(), 96);
  EXPECT_EQ(NamedConfig("1b-mlp").ttt_base_lr, 0.1);
  EXPECT_EQ(NamedConfigs().size(), 8U);
  for (const std::string& name : {std::string("2b"), std::string("-mlp")}) {
    EXPECT_THAT(MessageOf([&] { NamedConfig(name); }, ErrorKind::kUsage),
                HasSubstr("125m, 125m-mlp, 350m"));
  }
}

TEST(Config, OwnNamesRoundTrip) {
  for (const std::string& name : NamedConfigs()) {
    ModelConfig config = NamedConfig(name);
    config.backbone = Backbone::kTransformer;
    config.context_tokens = 77;
    config.rope_theta = 123.5;
    EXPECT_EQ(ConfigFromJson(ConfigToJson(config), "own"), config);
  }
}

TEST(Config, JaxAndTorchNamesSayTheSame) {
  EXPECT_EQ(ConfigFromJson(JaxConfig(), "jax"),
            ConfigFromJson(TorchConfig(), "torch"));
  json jax = With(JaxConfig(), "seq_modeling_block", "ttt_mlp_base");
  jax["pre_conv"] = false;
  jax["ttt_base_lr"] = 0.1;
  const ModelConfig config = ConfigFromJson(jax, "jax");
  EXPECT_EQ(config.inner_model, InnerModel::kMlp);
  EXPECT_EQ(config.backbone, Backbone::kTransformer);
  EXPECT_EQ(config.context_tokens, 128);
}

TEST(Config, FieldsThatSavePretrainedLeavesOutHaveTheirClassDefaults) {
  json torch = TorchConfig();
  for (const char* field : {"use_gate", "share_qk", "pre_conv",
                            "ttt_layer_type", "ttt_base_lr", "rope_theta"}) {
    torch.erase(field);
  }
  const ModelConfig config = ConfigFromJson(torch, "torch");
  EXPECT_EQ(config.backbone, Backbone::kTransformer);
  EXPECT_EQ(config.inner_model, InnerModel::kLinear);
  EXPECT_EQ(config.ttt_base_lr, 1.0);
}

TEST(Config, ContradictionsAreNamed) {
  EXPECT_THAT(
      Complaint(With(TorchConfig(), "use_gate", false)),
      AllOf(HasSubstr("use_gate = false"), HasSubstr("share_qk = true")));
  EXPECT_THAT(Complaint(With(JaxConfig(), "pre_conv", false)),
              HasSubstr("pre_conv"));
  json both = JaxConfig();
  both["use_gate"] = true;
  EXPECT_THAT(Complaint(both), HasSubstr("several"));
  EXPECT_THAT(Complaint(json::object()), HasSubstr("none of these"));
  EXPECT_THAT(Complaint(json::array()), HasSubstr("JSON object"));
}

TEST(Config, BadFieldsAreNamedWithTheirValue) {
  json missing = JaxConfig();
  missing.erase("hidden_size");
  EXPECT_THAT(Complaint(missing), HasSubstr("\"hidden_size\" is missing"));
  const std::tuple<const char*, json, const char*> cases[] = {
      {"hidden_size", "128", "an integer"},
      {"hidden_size", 128.5, "an integer"},
      {"hidden_size", -2, "expected 1 to"},
      {"hidden_size", ~uint64_t{0}, "an integer"},
      {"num_hidden_layers", 0, "expected 1 to"},
      {"vocab_size", int64_t{1} << 60, "expected 1 to"},
      {"num_attention_heads", 3, "whole, even head width"},
      {"num_attention_heads", 128, "whole, even head width"},
      {"mini_batch_size", 32, "expected 16 and 4"},
      {"conv_width", 3, "expected 16 and 4"},
      {"seq_modeling_block", "self_attention", "ttt_linear_base"},
      {"ttt_base_lr", -1, "\"ttt_base_lr\" = -1, expected 1e-09 to 10000"},
      {"ttt_base_lr", "1", "a number"},
      {"rms_norm_eps", 0, "\"rms_norm_eps\" = 0, expected 1e-30 to 1"},
      {"rms_norm_eps", 1e308, "\"rms_norm_eps\" = 1e+308, expected"},
      {"rms_norm_eps", 1e-300, "\"rms_norm_eps\" = 1e-300, expected"},
      {"rope_theta", 0, "\"rope_theta\" = 0, expected 1 to 1e+12"},
      {"rope_theta", 1e308, "\"rope_theta\" = 1e+308, expected"},
      {"rope_theta", -10000, "\"rope_theta\" = -10000, expected"},
      {"rope_theta", std::nan(""), "\"rope_theta\" = nan, expected"},
      {"ttt_base_lr", 1e308, "\"ttt_base_lr\" = 1e+308, expected"},
      {"initializer_range", 1e308, "\"initializer_range\" = 1e+308"},
      {"pre_conv", 1, "true or false"},
      {"tie_word_embeddings", false, "tied head"}};
  for (const auto& [field, value, expected] : cases) {
    EXPECT_THAT(Complaint(With(JaxConfig(), field, value)), HasSubstr(expected))
        << field;
  }
  EXPECT_THAT(Complaint(With(TorchConfig(), "model_type", "llama")),
              HasSubstr("llama"));
  EXPECT_THAT(Complaint(With(TorchConfig(), "hidden_act", "gelu")),
              HasSubstr("gelu"));
  EXPECT_THAT(Complaint(With(TorchConfig(), "ttt_layer_type", "conv")),
              HasSubstr("\"linear\" or \"mlp\""));
  json own = ConfigToJson(NamedConfig("125m"));
  EXPECT_THAT(Complaint(With(own, "backbone", "rwkv")), HasSubstr("rwkv"));
  EXPECT_THAT(Complaint(With(own, "num_layer", 3)), HasSubstr("num_layer"));
  json mlp = ConfigToJson(NamedConfig("125m-mlp"));
  mlp.erase("ttt_base_lr");
  EXPECT_THAT(Complaint(mlp), HasSubstr("\"ttt_base_lr\" is missing"));
}

TEST(Config, ParametersAreUniqueAndFollowTheBackbone) {
  ModelConfig config = NamedConfig("125m-mlp");
  for (const Backbone backbone : {Backbone::kMamba, Backbone::kTransformer}) {
    config.backbone = backbone;
    std::set<std::string> names;
    for (const ParameterSpec& spec : ParameterSpecs(config)) {
      EXPECT_TRUE(names.insert(spec.name).second) << spec.name;
    }
    const bool mamba = backbone == Backbone::kMamba;
    const std::string block = "model/h/11/seq_modeling_block/";
    EXPECT_EQ(names.count(block + "wk/kernel") == 0, mamba);
    EXPECT_EQ(names.count(block + "wg/kernel") == 1, mamba);
    EXPECT_EQ(names.count("model/h/0/conv/conv1/kernel") == 1, mamba);
    EXPECT_EQ(names.count(block + "ttt_dense_1"), 1U);
  }
}

}  // namespace
}  // namespace plastometer
