// A train state larger than memory allows must import in constant memory: its optimizer records are never read.
//
// PLASTOMETER_LARGE_MB sets the size of the stream (default 64).
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "harness/base/files.h"
#include "model/weights/import.h"
#include "model/weights/names.h"
#include "tests/model/weights/weights_test_util.h"

namespace plastometer {
namespace {

namespace fs = std::filesystem;

int64_t PeakBytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return int64_t{usage.ru_maxrss} * 1024;
}

// A bf16 tensor of small finite values.
HostTensor Ramp(const std::vector<int64_t>& shape) {
  HostTensor tensor{DType::kBF16, shape, {}};
  const int64_t elements = tensor.NumElements();
  tensor.bytes.resize(static_cast<size_t>(elements * 2));
  for (int64_t i = 0; i < elements; ++i) {
    tensor.As<uint16_t>()[i] = static_cast<uint16_t>(0x3c00 + i % 256);
  }
  return tensor;
}

// Parameters, then both moments: three times the weights, as in real files.
uint64_t WriteTrainState(const fs::path& path, const ModelConfig& config) {
  std::ofstream file(path, std::ios::binary);
  uint64_t parameter_bytes = 0;
  const std::vector<std::vector<std::string>> groups = {
      {"params", "params"},
      {"opt_state", "1", "0", "mu", "params"},
      {"opt_state", "1", "0", "nu", "params"}};
  for (const auto& group : groups) {
    for (const ParameterSpec& spec : ParameterSpecs(config)) {
      std::vector<std::string> key = group;
      for (const std::string& part : FlaxKey(spec.name)) key.push_back(part);
      const std::string record = testing::PackRecord(key, Ramp(spec.shape));
      file.write(record.data(), static_cast<std::streamsize>(record.size()));
      if (group[0] == "params") parameter_bytes += record.size();
    }
  }
  file.close();
  EXPECT_TRUE(file.good());
  return parameter_bytes;
}

TEST(ImportMemory, APeakIndependentOfTheFile) {
  const char* asked = std::getenv("PLASTOMETER_LARGE_MB");
  const int64_t megabytes = asked != nullptr ? std::atoll(asked) : 64;
  ModelConfig config = NamedConfig("125m");
  config.vocab_size = 1024;
  config.hidden_size = 512;
  config.num_heads = 8;
  config.intermediate_size = 1024;
  // About 2.9 M parameters a layer, 2 bytes each, three times.
  config.num_layers = std::max<int64_t>(2, megabytes / 17);
  const TemporaryFolder folder;
  const fs::path stream = folder.path() / "streaming_train_state";
  WriteTrainState(stream, config);
  const int64_t before = PeakBytes();
  const ImportSummary summary =
      ImportWeights({"flax", stream, {}, folder.path() / "model"});
  const int64_t growth = PeakBytes() - before;
  std::printf("stream %.1f MB, kept %.1f MB, skipped %.1f MB, peak %.1f MB, "
              "growth of the peak during the import %.1f MB\n",
              static_cast<double>(fs::file_size(stream)) / 1e6,
              static_cast<double>(summary.kept_bytes) / 1e6,
              static_cast<double>(summary.skipped_bytes) / 1e6,
              static_cast<double>(PeakBytes()) / 1e6,
              static_cast<double>(growth) / 1e6);
  EXPECT_EQ(summary.config.num_layers, config.num_layers);
  EXPECT_EQ(summary.num_skipped, 2 * summary.num_kept);
  // One tensor is 1 MB here; a reader that kept the weights or a moment would
  // need a third of the file.
  EXPECT_LT(growth, 20'000'000);
}

}  // namespace
}  // namespace plastometer
