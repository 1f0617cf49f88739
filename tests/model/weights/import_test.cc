// What a good import gives, against the official files and against itself.
#include "model/weights/import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/json.h"
#include "base/safetensors.h"
#include "base/sha256.h"
#include "model/weights/model_file.h"
#include "model/weights/names.h"
#include "model/weights/parameter_specs.h"
#include "tests/errors.h"
#include "tests/model/weights/weights_test_util.h"

namespace plastometer {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Stem(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.substr(0, name.find('.'));
}

uint64_t Crc(const HostTensor& tensor) {
  return crc32(0, reinterpret_cast<const Bytef*>(tensor.bytes.data()),
               static_cast<uInt>(tensor.bytes.size()));
}

void ExpectSameTensors(const TensorMap& a, const TensorMap& b) {
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [name, tensor] : a) {
    ASSERT_EQ(b.count(name), 1U) << name;
    EXPECT_EQ(tensor.dtype, b.at(name).dtype) << name;
    EXPECT_EQ(tensor.shape, b.at(name).shape) << name;
    EXPECT_EQ(tensor.bytes, b.at(name).bytes) << name;
  }
}

TensorMap ReadAll(const fs::path& path) {
  const SafetensorsFile file(path);
  TensorMap tensors;
  for (const auto& [name, info] : file.tensors()) {
    tensors.emplace(name, file.Read(name));
  }
  return tensors;
}

class ImportTest : public ::testing::Test {
 protected:
  fs::path At(const std::string& name) const { return folder_.path() / name; }

  ImportSummary Import(const std::string& from, const fs::path& source,
                       const std::optional<fs::path>& config = {}) const {
    return ImportWeights({from, source, config, At("out")});
  }

  // The official config of a parity set, in one of its two spellings.
  fs::path WriteConfig(const fs::path& set, const char* spelling) const {
    const nlohmann::json json =
        ReadJsonFile(set.parent_path() / (Stem(set) + ".json"));
    testing::WriteBytes(At("config.json"), json.at(spelling).dump());
    return At("config.json");
  }

  TemporaryFolder folder_;
};

TEST_F(ImportTest, OfficialStreamsUnderBothSpellingsOfTheirConfig) {
  for (const char* ending : {".streaming_params", ".streaming_train_state"}) {
    for (const fs::path& path : testing::ParityFiles(ending)) {
      const nlohmann::json json =
          ReadJsonFile(path.parent_path() / (Stem(path) + ".json"));
      const ImportSummary jax =
          Import("flax", path, WriteConfig(path, "config"));
      const ModelFile model = LoadModelFile(At("out"));
      EXPECT_EQ(model.sha256, jax.out_sha256);
      EXPECT_EQ(model.metadata.at("source_sha256"), Sha256OfFile(path));
      size_t kept = 0;
      for (const nlohmann::json& record : json.at("records")) {
        std::vector<std::string> key = record.at("key");
        if (key[0] == "params") key.erase(key.begin(), key.begin() + 2);
        if (key[0] != "model") continue;
        std::string name;
        for (const std::string& part : key) {
          name += (name.empty() ? "" : "/") + part;
        }
        EXPECT_EQ(Crc(model.tensors.at(name)),
                  record.at("raw_crc32").get<uint64_t>());
        ++kept;
      }
      EXPECT_EQ(model.tensors.size(), kept);
      EXPECT_EQ(static_cast<size_t>(jax.num_kept), kept);
      EXPECT_EQ(static_cast<size_t>(jax.num_skipped),
                json.at("records").size() - kept);
      const ImportSummary hf =
          Import("flax", path, WriteConfig(path, "hf_equivalent_config"));
      ModelConfig same = hf.config;  // windows differ between the spellings
      same.context_tokens = jax.config.context_tokens;
      EXPECT_EQ(same, jax.config);
    }
  }
}

TEST_F(ImportTest, Bf16StaysBf16) {
  const fs::path path =
      testing::ParityFolder() / "ts_linear_t.streaming_train_state";
  EXPECT_EQ(Import("flax", path).dtype, "BF16");
  EXPECT_EQ(
      Import("flax", testing::ParityFolder() / "a_linear_t.streaming_params")
          .dtype,
      "F32");
}

TEST_F(ImportTest, OfficialPyTorchWeightsGoThereAndBackBitEqual) {
  for (const fs::path& path : testing::ParityFiles(".weights.safetensors")) {
    const fs::path config = path.parent_path() / (Stem(path) + ".config.json");
    const ImportSummary summary = Import("hf", path, config);
    ExportWeights(At("out"), At("exported"));
    ExpectSameTensors(ReadAll(path), ReadAll(At("exported/model.safetensors")));
    EXPECT_EQ(ConfigFromJson(ReadJsonFile(At("exported/config.json")), "back"),
              summary.config);
    // A folder with its config.json is a source as it stands.
    const ImportSummary again = Import("hf", At("exported"));
    EXPECT_EQ(again.config, summary.config);
    ExpectSameTensors(LoadModelFile(At("out")).tensors, [&] {
      Import("hf", path, config);
      return LoadModelFile(At("out")).tensors;
    }());
  }
}

// The transposes, element by element: a round trip would hide a wrong one.
TEST_F(ImportTest, LayoutsAreTurnedTheRightWay) {
  const fs::path path =
      testing::ParityFolder() / "b_linear_m_d64.weights.safetensors";
  Import("hf", path, testing::ParityFolder() / "b_linear_m_d64.config.json");
  const TensorMap own = LoadModelFile(At("out")).tensors;
  const TensorMap torch = ReadAll(path);
  const std::string h = "model/h/1/", l = "model.layers.1.";
  const auto at = [](const TensorMap& m, const std::string& name, int64_t i) {
    return m.at(name).As<float>()[i];
  };
  for (int64_t in = 0; in < 128; ++in) {
    for (int64_t out = 0; out < 64; ++out) {
      ASSERT_EQ(at(own, h + "feed_forward/w1/kernel", in * 64 + out),
                at(torch, l + "mlp.gate_proj.weight", out * 128 + in));
      ASSERT_EQ(at(own, h + "feed_forward/w2/kernel", out * 128 + in),
                at(torch, l + "mlp.down_proj.weight", in * 64 + out));
    }
    for (int64_t tap = 0; tap < 4; ++tap) {
      ASSERT_EQ(
          at(own, h + "seq_modeling_block/conv_k/kernel", tap * 128 + in),
          at(torch, l + "seq_modeling_block.conv_k.weight", in * 4 + tap));
    }
  }
  EXPECT_THAT(own.at(h + "seq_modeling_block/learnable_ttt_lr/kernel").shape,
              ElementsAre(2, 128, 1));
  EXPECT_EQ(own.at(h + "seq_modeling_block/ttt_dense_0").bytes,
            torch.at(l + "seq_modeling_block.W1").bytes);
}

TEST_F(ImportTest, ShardsGiveTheSameModelAsOneFile) {
  const fs::path path =
      testing::ParityFolder() / "b_mlp_t_d64.weights.safetensors";
  const fs::path config = testing::ParityFolder() / "b_mlp_t_d64.config.json";
  Import("hf", path, config);
  const TensorMap whole = LoadModelFile(At("out")).tensors;

  fs::create_directory(At("sharded"));
  TensorMap shards[2];
  nlohmann::json map;
  for (const auto& [name, tensor] : ReadAll(path)) {
    const size_t i = map.size() % 2;
    shards[i].emplace(name, tensor);
    map[name] = "model-" + std::to_string(i) + ".safetensors";
  }
  WriteSafetensors(At("sharded/model-0.safetensors"), shards[0]);
  WriteSafetensors(At("sharded/model-1.safetensors"), shards[1]);
  const auto write_index = [&] {
    testing::WriteBytes(At("sharded/model.safetensors.index.json"),
                        nlohmann::json{{"weight_map", map}}.dump());
  };
  write_index();
  Import("hf", At("sharded"), config);
  ExpectSameTensors(LoadModelFile(At("out")).tensors, whole);

  const nlohmann::json good = map;
  const auto complaint = [&] {
    write_index();
    return MessageOf([&] { Import("hf", At("sharded"), config); });
  };
  map["model.norm.weight"] = "../model-0.safetensors";
  EXPECT_THAT(complaint(), HasSubstr("beside the index"));
  map = good;
  map["extra"] = "model-0.safetensors";
  EXPECT_THAT(complaint(), HasSubstr("\"extra\" should be in"));
  map = good;
  map.erase("model.norm.weight");
  EXPECT_THAT(complaint(), HasSubstr("is not placed here"));
  map = good;
  map["model.norm.weight"] = "model-7.safetensors";
  EXPECT_THAT(complaint(), HasSubstr("model-7.safetensors"));
  // The system would open what stands before the NUL.
  const std::string cut = std::string("model-0.safetensors") + '\0' + "x";
  map = good;
  for (auto& file : map)
    if (file == "model-0.safetensors") file = cut;
  EXPECT_THAT(complaint(), HasSubstr("model-0.safetensors\\x00x"));
}

TEST_F(ImportTest, AHeadIsAcceptedOnlyAsACopyOfTheEmbedding) {
  const fs::path config = testing::ParityFolder() / "b_mlp_t_d64.config.json";
  TensorMap tensors =
      ReadAll(testing::ParityFolder() / "b_mlp_t_d64.weights.safetensors");
  tensors["lm_head.weight"] = tensors.at("model.embed_tokens.weight");
  WriteSafetensors(At("m.safetensors"), tensors);
  EXPECT_EQ(Import("hf", At("m.safetensors"), config).num_skipped, 1);
  tensors["lm_head.weight"].bytes[5] ^= std::byte{1};
  WriteSafetensors(At("m.safetensors"), tensors);
  EXPECT_THAT(MessageOf([&] { Import("hf", At("m.safetensors"), config); }),
              HasSubstr("tied head"));
}

TEST_F(ImportTest, SizesFollowFromTheShapesWithoutAConfig) {
  for (const Backbone backbone : {Backbone::kMamba, Backbone::kTransformer}) {
    const ModelConfig config =
        testing::TinyConfig(InnerModel::kLinear, backbone);
    testing::WriteBytes(At("stream"),
                        testing::FlaxStreamOf(testing::TinyTensors(config)));
    EXPECT_EQ(Import("flax", At("stream")).config, config);
  }
  // No published default exists for the inner rate of TTT-MLP.
  const ModelConfig mlp =
      testing::TinyConfig(InnerModel::kMlp, Backbone::kMamba);
  testing::WriteBytes(At("stream"),
                      testing::FlaxStreamOf(testing::TinyTensors(mlp)));
  EXPECT_THAT(MessageOf([&] { Import("flax", At("stream")); }),
              HasSubstr("\"ttt_base_lr\" is missing"));
  testing::WriteBytes(
      At("c.json"),
      R"({"inner_model": "mlp", "backbone": "mamba", "ttt_base_lr": 0.1})");
  EXPECT_EQ(Import("flax", At("stream"), At("c.json")).config, mlp);
}

TEST_F(ImportTest, EqualSourcesGiveEqualBytes) {
  const ModelConfig config = testing::TinyConfig();
  const TensorMap tensors = testing::TinyTensors(config, DType::kBF16);
  testing::WriteBytes(At("stream"),
                      testing::FlaxStreamOf(tensors, {"params", "params"}));
  const ImportSummary first = Import("flax", At("stream"));
  const ImportSummary second = Import("flax", At("stream"));
  EXPECT_EQ(first.out_sha256, second.out_sha256);
  EXPECT_EQ(first.kept_bytes, static_cast<uint64_t>(NumParameters(config)) * 2);
  ExpectSameTensors(LoadModelFile(At("out")).tensors, tensors);
}

TEST_F(ImportTest, TheNameOfTheSourceIsNoPartOfTheModel) {
  const std::string stream = testing::FlaxStreamOf(
      testing::TinyTensors(testing::TinyConfig(), DType::kBF16));
  testing::WriteBytes(At("stream"), stream);
  testing::WriteBytes(At("renamed"), stream);
  EXPECT_EQ(Import("flax", At("stream")).out_sha256,
            Import("flax", At("renamed")).out_sha256);
}

TEST_F(ImportTest, WhatNothingSaysIsNamed) {
  testing::WriteBytes(
      At("stream"),
      testing::FlaxStreamOf(testing::TinyTensors(testing::TinyConfig())));
  EXPECT_THAT(
      Import("flax", At("stream")).assumed,
      ::testing::ElementsAre("ttt_base_lr", "rope_theta", "rms_norm_eps",
                             "initializer_range", "context_tokens"));
  testing::WriteBytes(At("c.json"),
                      R"({"inner_model": "linear", "backbone": "mamba",
                          "rope_theta": 20000.0, "context_tokens": 512})");
  const ImportSummary some = Import("flax", At("stream"), At("c.json"));
  EXPECT_THAT(some.assumed,
              ::testing::ElementsAre("ttt_base_lr", "rms_norm_eps",
                                     "initializer_range"));
  EXPECT_EQ(some.config.rope_theta, 20000.0);
}

TEST_F(ImportTest, SavedModelsLoadAndExportTheSame) {
  for (const InnerModel inner : {InnerModel::kLinear, InnerModel::kMlp}) {
    for (const Backbone backbone : {Backbone::kMamba, Backbone::kTransformer}) {
      const ModelConfig config = testing::TinyConfig(inner, backbone);
      const TensorMap tensors = testing::TinyTensors(config);
      SaveModelFile(At("m"), config, tensors, {{"note", "tiny"}});
      const ModelFile model = LoadModelFile(At("m"));
      EXPECT_EQ(model.config, config);
      EXPECT_EQ(model.metadata.at("note"), "tiny");
      ExpectSameTensors(model.tensors, tensors);
      ExportWeights(At("m"), At("hf"));
      EXPECT_EQ(Import("hf", At("hf")).config, config);
      ExpectSameTensors(LoadModelFile(At("out")).tensors, tensors);
    }
  }
}

TEST_F(ImportTest, ModelFilesAreCheckedWhenLoaded) {
  const ModelConfig config = testing::TinyConfig();
  const TensorMap good = testing::TinyTensors(config);
  const auto complaint = [&](const TensorMap& tensors) {
    WriteSafetensors(At("m"), tensors, ModelMetadata(config, {}));
    return MessageOf([&] { LoadModelFile(At("m")); });
  };
  TensorMap bad = good;
  bad.erase("model/ln_f/kernel");
  EXPECT_THAT(complaint(bad), HasSubstr("\"model/ln_f/kernel\" is missing"));
  bad = good;
  bad["more"] = good.at("model/ln_f/kernel");
  EXPECT_THAT(complaint(bad), HasSubstr("unexpected tensor \"more\""));
  bad = good;
  bad["model/ln_f/kernel"].shape = {2, 4};
  EXPECT_THAT(complaint(bad), HasSubstr("shape [2, 4], expected [8]"));
  bad = good;
  bad["model/ln_f/kernel"].dtype = DType::kI32;
  EXPECT_THAT(complaint(bad), HasSubstr("dtype I32"));
  bad = good;
  bad["model/ln_f/kernel"].As<float>()[3] = std::nanf("");
  EXPECT_THAT(complaint(bad), HasSubstr("element 3"));
  WriteSafetensors(At("m"), good);
  EXPECT_THAT(MessageOf([&] { LoadModelFile(At("m")); }),
              HasSubstr("plastometer-model-1"));
}

}  // namespace
}  // namespace plastometer
