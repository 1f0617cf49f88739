// The fuzz targets without libFuzzer: the committed corpus, and changes of it
// that are the same on every machine.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "base/files.h"
#include "tests/fuzz/changes.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/paths.h"

extern "C" {
// CMake renames each target's LLVMFuzzerTestOneInput.
int Fuzz_capsule(const uint8_t* data, size_t size);
int Fuzz_case(const uint8_t* data, size_t size);
int Fuzz_drift(const uint8_t* data, size_t size);
int Fuzz_extract(const uint8_t* data, size_t size);
int Fuzz_flax_stream(const uint8_t* data, size_t size);
int Fuzz_foreign(const uint8_t* data, size_t size);
int Fuzz_journal(const uint8_t* data, size_t size);
int Fuzz_layer_maps(const uint8_t* data, size_t size);
int Fuzz_ledger(const uint8_t* data, size_t size);
int Fuzz_metrics(const uint8_t* data, size_t size);
int Fuzz_model_file(const uint8_t* data, size_t size);
int Fuzz_plan(const uint8_t* data, size_t size);
int Fuzz_profile(const uint8_t* data, size_t size);
int Fuzz_results(const uint8_t* data, size_t size);
int Fuzz_safetensors(const uint8_t* data, size_t size);
int Fuzz_slice(const uint8_t* data, size_t size);
int Fuzz_statistics(const uint8_t* data, size_t size);
int Fuzz_suite(const uint8_t* data, size_t size);
int Fuzz_text_data(const uint8_t* data, size_t size);
int Fuzz_tokenizer(const uint8_t* data, size_t size);
int Fuzz_trace(const uint8_t* data, size_t size);
}

namespace plastometer {
namespace {

struct Target {
  const char* name;
  int (*run)(const uint8_t* data, size_t size);
  // Of what an input says, where inputs have a form.
  std::string (*change)(std::string_view, fuzz::Random&) = nullptr;
};

constexpr Target kTargets[] = {
    {"capsule", Fuzz_capsule, fuzz::ChangeJson},
    {"case", Fuzz_case},
    {"drift", Fuzz_drift, fuzz::ChangePair},
    {"extract", Fuzz_extract},
    {"flax_stream", Fuzz_flax_stream},
    {"foreign", Fuzz_foreign},
    {"journal", Fuzz_journal, fuzz::ChangeJsonLines},
    {"layer_maps", Fuzz_layer_maps, fuzz::ChangeJson},
    {"ledger", Fuzz_ledger},
    {"metrics", Fuzz_metrics},
    {"model_file", Fuzz_model_file},
    {"plan", Fuzz_plan, fuzz::ChangeJson},
    {"profile", Fuzz_profile},
    {"results", Fuzz_results, fuzz::ChangeJson},
    {"safetensors", Fuzz_safetensors},
    {"slice", Fuzz_slice},
    {"statistics", Fuzz_statistics, fuzz::ChangeTensors},
    {"suite", Fuzz_suite},
    {"text_data", Fuzz_text_data},
    {"tokenizer", Fuzz_tokenizer},
    {"trace", Fuzz_trace},
};

constexpr int kChangesOfASeed = 300;

class FuzzReplay : public ::testing::TestWithParam<Target> {
 protected:
  static std::vector<std::filesystem::path> Seeds() {
    std::vector<std::filesystem::path> files;
    for (const auto& file : std::filesystem::directory_iterator(
             std::filesystem::path(SourcePath("tests/fuzz/corpus")) /
             GetParam().name)) {
      files.push_back(file.path());
    }
    std::sort(files.begin(), files.end());
    return files;
  }
  static void Run(const std::string& bytes) {
    GetParam().run(reinterpret_cast<const uint8_t*>(bytes.data()),
                   bytes.size());
  }
};

TEST_P(FuzzReplay, Corpus) {
  const auto seeds = Seeds();
  ASSERT_FALSE(seeds.empty());
  EXPECT_NO_THROW(Run(""));
  for (const auto& seed : seeds) {
    const int before = fuzz::num_accepted;
    EXPECT_NO_THROW(Run(ReadFile(seed))) << seed;
    // Seeds are good files; what a fuzzer found is called bad_*.
    const bool is_bad = seed.filename().string().starts_with("bad_");
    EXPECT_EQ(fuzz::num_accepted > before, !is_bad) << seed;
  }
}

TEST_P(FuzzReplay, ChangesOfTheCorpus) {
  uint64_t number = 0;
  for (const auto& seed : Seeds()) {
    fuzz::Random random(++number);
    const std::string bytes = ReadFile(seed);
    for (int i = 0; i < kChangesOfASeed; ++i) {
      const auto change = GetParam().change;
      const bool says = change != nullptr && i % 2 == 1;
      EXPECT_NO_THROW(
          Run(says ? change(bytes, random) : fuzz::ChangeBytes(bytes, random)))
          << seed << ", change " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, FuzzReplay, ::testing::ValuesIn(kTargets),
                         [](const auto& target) { return target.param.name; });

}  // namespace
}  // namespace plastometer
