// A train state larger than memory allows must import in constant memory: its
// optimizer records are never read.
//
// PLASTOMETER_LARGE_MB sets the size of the stream (default 64).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "base/files.h"
#include "model/weights/import.h"
#include "model/weights/names.h"
#include "model/weights/parameter_specs.h"
#include "tests/model/weights/weights_test_util.h"

namespace plastometer {
namespace {

namespace fs = std::filesystem;

// AddressSanitizer keeps what is freed for a while.
#ifdef __SANITIZE_ADDRESS__
constexpr int64_t kSlackBytes = 200'000'000;
#else
constexpr int64_t kSlackBytes = 0;
#endif

// Largest resident set since the last reset, in bytes.
int64_t PeakBytes() {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    if (word != "VmHWM:") continue;
    int64_t kilobytes = 0;
    status >> kilobytes;
    return kilobytes * 1024;
  }
  ADD_FAILURE() << "no VmHWM in /proc/self/status";
  return 0;
}

// Where the kernel forbids the reset the peak of the generator stays in the
// figure, which hides at most the few megabytes that one record takes.
void ResetPeak() { std::ofstream("/proc/self/clear_refs") << "5"; }

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
  ResetPeak();
  const int64_t before = PeakBytes();
  const ImportSummary summary =
      ImportWeights({"flax", stream, {}, folder.path() / "model"});
  const int64_t growth = PeakBytes() - before;
  std::printf(
      "stream %.1f MB, kept %.1f MB, skipped %.1f MB, peak %.1f MB, "
      "growth of the peak during the import %.1f MB\n",
      static_cast<double>(fs::file_size(stream)) / 1e6,
      static_cast<double>(summary.kept_bytes) / 1e6,
      static_cast<double>(summary.skipped_bytes) / 1e6,
      static_cast<double>(PeakBytes()) / 1e6,
      static_cast<double>(growth) / 1e6);
  EXPECT_EQ(summary.config.num_layers, config.num_layers);
  EXPECT_EQ(summary.num_skipped, 2 * summary.num_kept);
  // One tensor is 1 MB here, and the index of 5 GB about 10 MB; a reader that
  // kept the weights or a moment would need a third of the file.
  const auto kept = static_cast<int64_t>(summary.kept_bytes);
  EXPECT_LT(growth, kSlackBytes + std::min<int64_t>(20'000'000, kept / 2));
  // The way out and back in goes through maps of whole files, which must not
  // stay resident either.
  ExportWeights(folder.path() / "model", folder.path() / "exported");
  ImportWeights({"hf", folder.path() / "exported", {}, folder.path() / "back"});
  const int64_t later = PeakBytes() - before;
  std::printf("growth of the peak after export and second import %.1f MB\n",
              static_cast<double>(later) / 1e6);
  EXPECT_LT(later, kSlackBytes + std::min<int64_t>(40'000'000, kept * 3 / 4));
}

}  // namespace
}  // namespace plastometer
