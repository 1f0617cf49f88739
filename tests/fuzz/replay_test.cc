// The fuzz targets without libFuzzer: the committed corpus, and changes of it
// that are the same on every machine.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "base/files.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/paths.h"

extern "C" {
// CMake renames each target's LLVMFuzzerTestOneInput.
int Fuzz_case(const uint8_t* data, size_t size);
int Fuzz_extract(const uint8_t* data, size_t size);
int Fuzz_flax_stream(const uint8_t* data, size_t size);
int Fuzz_foreign(const uint8_t* data, size_t size);
int Fuzz_journal(const uint8_t* data, size_t size);
int Fuzz_ledger(const uint8_t* data, size_t size);
int Fuzz_metrics(const uint8_t* data, size_t size);
int Fuzz_model_file(const uint8_t* data, size_t size);
int Fuzz_profile(const uint8_t* data, size_t size);
int Fuzz_safetensors(const uint8_t* data, size_t size);
int Fuzz_slice(const uint8_t* data, size_t size);
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
};

constexpr Target kTargets[] = {{"case", Fuzz_case},
                               {"extract", Fuzz_extract},
                               {"flax_stream", Fuzz_flax_stream},
                               {"foreign", Fuzz_foreign},
                               {"journal", Fuzz_journal},
                               {"ledger", Fuzz_ledger},
                               {"metrics", Fuzz_metrics},
                               {"model_file", Fuzz_model_file},
                               {"profile", Fuzz_profile},
                               {"safetensors", Fuzz_safetensors},
                               {"slice", Fuzz_slice},
                               {"suite", Fuzz_suite},
                               {"text_data", Fuzz_text_data},
                               {"tokenizer", Fuzz_tokenizer},
                               {"trace", Fuzz_trace}};

constexpr int kChangesOfASeed = 300;

// The standard fixes the numbers of the generator, not of its distributions.
class Mutator {
 public:
  explicit Mutator(uint64_t seed) : random_(seed) {}

  std::string Change(std::string bytes) {
    for (size_t n = 1 + Below(4); n > 0; --n) Once(&bytes);
    return bytes;
  }

 private:
  size_t Below(size_t limit) { return limit == 0 ? 0 : random_() % limit; }

  void Once(std::string* bytes) {
    const size_t at = Below(bytes->size());
    const size_t length = 1 + Below(std::min<size_t>(bytes->size() - at, 32));
    switch (Below(7)) {
      case 0:
        if (!bytes->empty()) (*bytes)[at] = static_cast<char>(Below(256));
        break;
      case 1:
        if (!bytes->empty()) (*bytes)[at] ^= static_cast<char>(1 << Below(8));
        break;
      case 2:
        bytes->erase(at, length);
        break;
      case 3:
        bytes->insert(at, bytes->substr(at, length));
        break;
      case 4:
        bytes->insert(at, 1, static_cast<char>(Below(256)));
        break;
      case 5:
        bytes->resize(at);
        break;
      default:
        Number(at, bytes);
    }
  }

  // A length that lies.
  void Number(size_t at, std::string* bytes) {
    constexpr uint64_t kNumbers[] = {0,
                                     1,
                                     0x7f,
                                     0xff,
                                     0x7fffffff,
                                     0xffffffff,
                                     uint64_t{1} << 32,
                                     uint64_t{1} << 62,
                                     ~uint64_t{0} >> 1,
                                     ~uint64_t{0}};
    const uint64_t number = kNumbers[Below(std::size(kNumbers))];
    const size_t width = std::min<size_t>(
        size_t{1} << Below(4), bytes->size() - std::min(at, bytes->size()));
    std::memcpy(bytes->data() + at, &number, width);
  }

  std::mt19937_64 random_;
};

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
    Mutator mutator(++number);
    const std::string bytes = ReadFile(seed);
    for (int i = 0; i < kChangesOfASeed; ++i) {
      EXPECT_NO_THROW(Run(mutator.Change(bytes))) << seed << ", change " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, FuzzReplay, ::testing::ValuesIn(kTargets),
                         [](const auto& target) { return target.param.name; });

}  // namespace
}  // namespace plastometer
