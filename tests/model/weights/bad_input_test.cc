// Every way in which a source or a disk can be wrong: an error that names it,
// and nothing left behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/json.h"
#include "model/weights/flax_stream.h"
#include "model/weights/import.h"
#include "model/weights/model_file.h"
#include "model/weights/names.h"
#include "tests/errors.h"
#include "tests/model/weights/weights_test_util.h"

namespace plastometer {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class BadInputTest : public ::testing::Test {
 protected:
  fs::path At(const std::string& name) const { return folder_.path() / name; }

  // Imports `stream`, expects an error and an untouched folder.
  std::string Complaint(const std::string& stream,
                        const std::string& config = "",
                        ErrorKind kind = ErrorKind::kInvalid) const {
    testing::WriteBytes(At("stream"), stream);
    std::optional<fs::path> config_path;
    if (!config.empty()) {
      config_path = At("config");
      testing::WriteBytes(*config_path, config);
    }
    fs::create_directories(At("out"));
    const std::string message = MessageOf(
        [&] {
          ImportWeights({"flax", At("stream"), config_path, At("out/model")});
        },
        kind);
    EXPECT_THAT(testing::FilesIn(At("out")), ElementsAre());
    return message;
  }

  const ModelConfig config_ = testing::TinyConfig();
  const TensorMap tensors_ = testing::TinyTensors(config_);
  TemporaryFolder folder_;
};

TEST_F(BadInputTest, StreamsCutAnywhereAreRefused) {
  const std::string stream = testing::FlaxStreamOf(tensors_);
  testing::WriteBytes(At("whole"), stream);
  const FlaxStream whole(At("whole"), [](const auto&) { return true; });
  for (const FlaxRecord& record : whole.records()) {
    const uint64_t middle = record.offset + record.length / 2;
    for (const uint64_t cut : {record.offset, record.offset + 1, middle,
                               record.offset + record.length - 1}) {
      // At a border nothing looks wrong but for the parameters that lack.
      const bool border = cut == record.offset;
      EXPECT_THAT(
          Complaint(stream.substr(0, cut)),
          border ? AnyOf(HasSubstr("is missing"), HasSubstr("no parameter"))
                 : AnyOf(HasSubstr("truncated"), HasSubstr("(trunc")))
          << cut;
    }
  }
}

TEST_F(BadInputTest, OfficialTrainStateCutInsideAnyRecordIsRefused) {
  const fs::path path =
      testing::ParityFolder() / "ts_linear_t.streaming_train_state";
  const std::string stream = ReadFile(path);
  const FlaxStream whole(path, [](const auto&) { return true; });
  for (const FlaxRecord& record : whole.records()) {
    EXPECT_THAT(Complaint(stream.substr(0, record.offset + 1)),
                HasSubstr("truncated"));
    EXPECT_THAT(Complaint(stream.substr(0, record.offset + record.length - 1)),
                HasSubstr("truncated"));
    if (record.key[0] != "params") continue;
    EXPECT_THAT(Complaint(stream.substr(0, record.offset)),
                AnyOf(HasSubstr("is missing"), HasSubstr("no parameter")));
  }
}

// In keys, types, shapes and lengths of the first record, each bit: never a
// crash or a huge allocation; where it is refused, nothing stays.
TEST_F(BadInputTest, BitFlipsInHeadersNeverPassAsTheSameModel) {
  const std::string stream = testing::FlaxStreamOf(tensors_);
  testing::WriteBytes(At("whole"), stream);
  const FlaxStream whole(At("whole"), [](const auto&) { return true; });
  const FlaxRecord& first = whole.records()[0];
  for (uint64_t bit = 0; bit < first.data_begin * 8; ++bit) {
    std::string flipped = stream;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(Complaint(flipped).empty()) << "bit " << bit;
  }
}

TEST_F(BadInputTest, ASplitSlashIsRefused) {
  std::string stream;
  for (const auto& [name, tensor] : tensors_) {
    std::vector<std::string> key = FlaxKey(name);
    if (name == "model/h/1/seq_modeling_block/ttt_norm/scale") {
      key.back() = "ttt_norm";
      key.emplace_back("scale");
    }
    stream += testing::PackRecord(key, tensor);
  }
  EXPECT_THAT(Complaint(stream),
              AllOf(HasSubstr("\"ttt_norm\",\"scale\""),
                    HasSubstr("\"ttt_norm/scale\""), HasSubstr("byte ")));
}

TEST_F(BadInputTest, AJoinedKeyIsRefused) {
  std::string stream;
  for (const auto& [name, tensor] : tensors_) {
    std::vector<std::string> key = FlaxKey(name);
    if (name == "model/ln_f/kernel") key = {"model", "ln_f/kernel"};
    stream += testing::PackRecord(key, tensor);
  }
  EXPECT_THAT(Complaint(stream), HasSubstr("ln_f/kernel"));
}

TEST_F(BadInputTest, MissingExtraDoubledAndMixedKeysAreNamed) {
  TensorMap missing = tensors_;
  missing.erase("model/h/1/seq_norm/kernel");
  EXPECT_THAT(Complaint(testing::FlaxStreamOf(missing)),
              HasSubstr("model/h/1/seq_norm/kernel is missing"));
  const HostTensor& any = tensors_.at("model/ln_f/kernel");
  TensorMap extra = tensors_;
  extra["model/h/1/surprise/kernel"] = any;
  EXPECT_THAT(Complaint(testing::FlaxStreamOf(extra)),
              AllOf(HasSubstr("surprise"), HasSubstr("byte ")));
  const std::string stream = testing::FlaxStreamOf(tensors_);
  EXPECT_THAT(Complaint(stream + testing::PackRecord({"foreign", "x"}, any)),
              HasSubstr("foreign"));
  const std::vector<std::string> key = {"model", "ln_f", "kernel"};
  EXPECT_THAT(Complaint(stream + testing::PackRecord(key, any)),
              HasSubstr("appears twice"));
  EXPECT_THAT(Complaint(stream + testing::PackRecord(
                                     {"params", "params", "model", "x"}, any)),
              HasSubstr("with and without the prefix"));
  EXPECT_THAT(Complaint(""), HasSubstr("no parameter"));
}

TEST_F(BadInputTest, MisshapenAndIntegerTensorsAreNamedWithTheirByte) {
  TensorMap bad = tensors_;
  bad["model/h/0/seq_modeling_block/wq/kernel"].shape = {4, 16};
  EXPECT_THAT(Complaint(testing::FlaxStreamOf(bad)),
              AllOf(HasSubstr("wq"), HasSubstr("byte "), HasSubstr("[4, 16]"),
                    HasSubstr("expected [8, 8]")));
  bad = tensors_;
  bad["model/ln_f/kernel"] = HostTensor::FromI32({8}, {1, 1, 1, 1, 1, 1, 1, 1});
  EXPECT_THAT(Complaint(testing::FlaxStreamOf(bad)),
              AllOf(HasSubstr("ln_f"), HasSubstr("I32")));
}

TEST_F(BadInputTest, NonFiniteWeightsAreNamedWithTheirByte) {
  const std::string name = "model/wte/embedding";  // the last to be written
  for (const float value : {std::numeric_limits<float>::quiet_NaN(),
                            -std::numeric_limits<float>::infinity()}) {
    TensorMap bad = tensors_;
    bad[name].As<float>()[2] = value;
    const std::string stream = testing::FlaxStreamOf(bad);
    testing::WriteBytes(At("whole"), stream);
    const FlaxStream whole(At("whole"), [](const auto&) { return true; });
    const uint64_t at = whole.records().back().data_begin + 8;
    EXPECT_THAT(Complaint(stream),
                AllOf(HasSubstr("embedding"),
                      HasSubstr("element 2 at byte " + std::to_string(at))));
    TensorMap half;
    for (const auto& [key, tensor] : bad) {
      half.emplace(key, Convert(tensor, DType::kBF16));
    }
    EXPECT_THAT(Complaint(testing::FlaxStreamOf(half)), HasSubstr("element 2"));
  }
}

TEST_F(BadInputTest, AConfigThatContradictsTheCheckpointIsNamed) {
  const std::string stream = testing::FlaxStreamOf(tensors_);
  nlohmann::json config = ConfigToJson(config_);
  const auto with = [&](const char* field, const nlohmann::json& value) {
    nlohmann::json changed = config;
    changed[field] = value;
    return Complaint(stream, changed.dump());
  };
  EXPECT_THAT(with("hidden_size", 16),
              AllOf(HasSubstr("hidden_size = 16"), HasSubstr("embedding"),
                    HasSubstr("says 8")));
  EXPECT_THAT(with("num_layers", 3), HasSubstr("num_layers = 3"));
  EXPECT_THAT(with("num_heads", 4), HasSubstr("num_heads = 4"));
  EXPECT_THAT(with("vocab_size", 12), HasSubstr("vocab_size = 12"));
  EXPECT_THAT(with("intermediate_size", 5), HasSubstr("intermediate_size = 5"));
  EXPECT_THAT(with("backbone", "transformer"),
              AllOf(HasSubstr("\"transformer\""), HasSubstr("\"mamba\"")));
  EXPECT_THAT(with("inner_model", "mlp"), HasSubstr("inner model"));
  EXPECT_THAT(with("hidden_sise", 8), HasSubstr("hidden_sise"));
  EXPECT_THAT(Complaint(stream, "{"), HasSubstr("not valid JSON"));
}

TEST_F(BadInputTest, AnUnknownBackboneIsDescribed) {
  TensorMap both = tensors_;
  for (const char* layer : {"0", "1"}) {
    const std::string block =
        "model/h/" + std::string(layer) + "/seq_modeling_block/";
    both[block + "wk/kernel"] = both.at(block + "wq/kernel");
  }
  EXPECT_THAT(Complaint(testing::FlaxStreamOf(both)),
              AllOf(HasSubstr("unknown backbone"), HasSubstr("wk/kernel"),
                    HasSubstr("conv_q/kernel")));
}

TEST_F(BadInputTest, UnwritableOutputsLeaveNothing) {
  testing::WriteBytes(At("stream"), testing::FlaxStreamOf(tensors_));
  const auto complaint = [&](const fs::path& out, ErrorKind kind) {
    return MessageOf(
        [&] {
          ImportWeights({"flax", At("stream"), {}, out});
        },
        kind);
  };
  EXPECT_THAT(complaint(At("absent/model"), ErrorKind::kInfrastructure),
              HasSubstr("absent/model"));
  fs::create_directory(At("folder"));
  EXPECT_THAT(complaint(At("folder"), ErrorKind::kInfrastructure),
              HasSubstr("not a regular file"));
  EXPECT_THAT(complaint("/dev/full", ErrorKind::kInfrastructure),
              HasSubstr("not a regular file"));
  EXPECT_THAT(complaint(At("stream"), ErrorKind::kUsage),
              HasSubstr("source itself"));
  EXPECT_THAT(testing::FilesIn(folder_.path()),
              ElementsAre("folder", "stream"));
  EXPECT_THAT(testing::FilesIn(At("folder")), ElementsAre());
}

// A limit on the size of files stands in for a full disk: write() fails in the
// same place, only with another reason.
TEST_F(BadInputTest, AFullDiskLeavesTheOldFile) {
  testing::WriteBytes(At("stream"), testing::FlaxStreamOf(tensors_));
  fs::create_directory(At("out"));
  testing::WriteBytes(At("out/model"), "old");
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{9000, before.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string message = MessageOf(
      [&] {
        ImportWeights({"flax", At("stream"), {}, At("out/model")});
      },
      ErrorKind::kInfrastructure);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_THAT(message, HasSubstr("out/model: File too large"));
  EXPECT_THAT(testing::FilesIn(At("out")), ElementsAre("model"));
  EXPECT_EQ(ReadFile(At("out/model")), "old");
}

TEST_F(BadInputTest, SourcesThatAreNoCheckpointAreRefused) {
  const auto complaint = [&](const char* from, const fs::path& source,
                             ErrorKind kind = ErrorKind::kInvalid) {
    return MessageOf(
        [&] {
          ImportWeights({from, source, {}, At("model")});
        },
        kind);
  };
  EXPECT_THAT(complaint("flax", At("none")), HasSubstr("No such file"));
  EXPECT_THAT(complaint("flax", folder_.path()),
              HasSubstr("not a regular file"));
  EXPECT_THAT(complaint("hf", At("none")), HasSubstr("No such file"));
  EXPECT_THAT(complaint("hf", folder_.path()),
              HasSubstr("0 .safetensors files"));
  EXPECT_THAT(complaint("onnx", At("none"), ErrorKind::kUsage),
              HasSubstr("onnx"));
  EXPECT_THAT(testing::FilesIn(folder_.path()), ElementsAre());
}

}  // namespace
}  // namespace plastometer
