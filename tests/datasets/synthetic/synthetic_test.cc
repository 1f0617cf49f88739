#include "datasets/synthetic/synthetic.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "base/error.h"
#include "base/sha256.h"
#include "tests/datasets/synthetic/helpers.h"
#include "tests/errors.h"

namespace plastometer::synthetic {
namespace {

using ::testing::HasSubstr;

std::string UsageErrorOf(const std::string& name,
                         const std::string& parameters) {
  return MessageOf([&] { Task(name, parameters); }, ErrorKind::kUsage);
}

// Ids as little-endian int32, whatever the machine.
std::string HashOfIds(const SyntheticTask& task) {
  std::string bytes;
  for (uint64_t d = 0; d < 4; ++d) {
    for (const int32_t id : task.Document(d, 1024).ids) {
      for (int shift = 0; shift < 32; shift += 8)
        bytes.push_back(
            static_cast<char>(static_cast<uint32_t>(id) >> shift & 255));
    }
  }
  return Sha256Hex(bytes);
}

struct Case {
  const char* name;
  const char* parameters;
  const char* sha256;  // of documents 0 to 3, 1,024 tokens each, seed 1
};

const Case kCases[] = {
    {"chains", "{}",
     "6fefab9367e61439847eafb84d845b11d2abb2b48e1b2cff6a6dadfbaa775874"},
    {"chains", R"({"states": 5, "alpha": [1, 3]})",
     "1b6a70f1646e45825cc2a0dd586e3684fe22f2392d7f0d6bab5e53dcd27b7ae1"},
    {"forgetting", "{}",
     "6098154c184449c6e9e4d820a3f9ab62287750edcc5fb5bd7c3e343ef59130a2"},
    {"library", "{}",
     "9f1485e5dd27a1277aecd6a1a72d0e3a8523122f9d1209d7bcec6dd74fcb5b18"},
    {"library", R"({"hazard": [1, 64]})",
     "5a09277c17650c056bdc117377e737f12b8837bfb22eef96e3104670b448a46a"},
    {"switching", "{}",
     "9a077b5a88e900a4920fa586508e4960975882a371624c2cfa5b549171f4b290"},
    {"switching", R"({"period": 256})",
     "97829cbc8284ce870d57c0bb76178119b5316d8d38a90db192833c1c113a9766"},
    {"mqar", "{}",
     "7508bfaeadd9afeb0b1a427a10a45843e5691e131f7281d9d72d5fd62bfa4c06"},
    {"forgetting-mqar", "{}",
     "bcacde272f2ea2015d5893328c04eed9efdc97e07762f0f367b97c028bc9f1d4"},
    {"forgetting-mqar", R"({"updates": 0, "random_fillers": 1})",
     "52ac4ae7271bf5e2cd3958097114ccff29e9c78a60019d98c128cfac772b6aa8"},
    {"induction", "{}",
     "74afce811c209ef34a1fdc150b290ba9a5df788dbfe2fd04460610359d95f638"},
    {"selective-copy", "{}",
     "d525f239b0d2f4d51bb3328ead0fc6963da2026df3adb371fdb7ba97b4f2cddb"},
    {"regular", "{}",
     "0553e5d06a872132e741d0d6260b3ad680edd9e2a983713e1842e691a0b74046"},
    {"regular", R"({"symbols": 5, "max_edges": 2, "max_word": 7})",
     "3d809c083a398375e776dc43b3e6c01a444fe9c1881c30fb8964f469da791e88"},
    {"language", "{}",
     "1a4b1281dadbad31e0dda8042ee8b5a1a2721edacac35c846fd8c4dbb54dbf04"},
    {"language", R"({"styles": 5, "rules": 0, "novelty": [1, 3]})",
     "1893193f350ebc462ddebe3e5a4996baa908caaae4707f15a742a3cd0dd23982"},
};

TEST(Synthetic, SameIdsOnEveryPlatform) {
  for (const Case& c : kCases)
    EXPECT_EQ(HashOfIds(*Task(c.name, c.parameters)), c.sha256)
        << c.name << " " << c.parameters;
}

TEST(Synthetic, EveryTaskIsAmongTheCases) {
  for (const std::string& name : SyntheticTaskNames()) {
    EXPECT_TRUE(std::any_of(std::begin(kCases), std::end(kCases),
                            [&](const Case& c) { return c.name == name; }))
        << name;
  }
}

TEST(Synthetic, LongDocumentsBeginWithShortOnes) {
  for (const Case& c : kCases) {
    const auto task = Task(c.name, c.parameters);
    const auto longer = task->Document(7, 600);
    for (const size_t length : {size_t{0}, size_t{1}, size_t{100}}) {
      const auto shorter = task->Document(7, length);
      ASSERT_EQ(shorter.ids.size(), length);
      for (size_t t = 0; t < length; ++t) {
        ASSERT_EQ(shorter.ids[t], longer.ids[t]) << c.name;
        ASSERT_EQ(shorter.floor_nats[t], longer.floor_nats[t]) << c.name;
        ASSERT_EQ(shorter.labels[t], longer.labels[t]) << c.name;
      }
    }
  }
}

TEST(Synthetic, IdsAndFloorsAreInRange) {
  for (const Case& c : kCases) {
    const auto task = Task(c.name, c.parameters);
    const auto document = task->Document(3, 2000);
    for (size_t t = 0; t < 2000; ++t) {
      ASSERT_GE(document.ids[t], 0);
      ASSERT_LT(document.ids[t], task->vocab_size());
      ASSERT_TRUE(std::isfinite(document.floor_nats[t]));
      ASSERT_GE(document.floor_nats[t], 0) << c.name << " " << t;
      ASSERT_FALSE(std::signbit(document.floor_nats[t])) << c.name << " " << t;
    }
  }
}

TEST(Synthetic, DocumentsSeedsAndTasksDiffer) {
  for (const Case& c : kCases) {
    const auto task = Task(c.name, c.parameters);
    const auto ids = task->Document(0, 300).ids;
    EXPECT_NE(ids, task->Document(1, 300).ids) << c.name;
    EXPECT_NE(ids, Task(c.name, c.parameters, 2)->Document(0, 300).ids);
  }
  EXPECT_NE(
      Task("chains")->Document(0, 100).ids,
      Task("switching", R"({"hazard": [1, 1000000]})")->Document(0, 100).ids);
}

TEST(Synthetic, ParametersAreCompletedAndChecked) {
  EXPECT_EQ(Task("chains", R"({"states": 4})")->parameters().dump(),
            R"({"alpha":[1,1],"states":4})");
  EXPECT_THAT(UsageErrorOf("chain", "{}"),
              HasSubstr("chains, forgetting, library"));
  EXPECT_THAT(UsageErrorOf("chains", R"({"state": 4})"),
              HasSubstr("unknown parameter state; it takes alpha, states"));
  EXPECT_THAT(UsageErrorOf("chains", R"({"states": 1})"), HasSubstr("from 2"));
  EXPECT_THAT(UsageErrorOf("chains", R"({"states": 18446744073709551615})"),
              HasSubstr("from 2"));
  EXPECT_THAT(UsageErrorOf("chains", R"({"alpha": 0.5})"),
              HasSubstr("numerator"));
  EXPECT_THAT(UsageErrorOf("chains", R"({"alpha": [0, 1]})"),
              HasSubstr("positive"));
  EXPECT_THAT(UsageErrorOf("chains", "[]"), HasSubstr("an object"));
  EXPECT_THAT(UsageErrorOf("switching", R"({"period": 4, "hazard": [1, 2]})"),
              HasSubstr("exactly one"));
  EXPECT_THAT(UsageErrorOf("library", R"({"hazard": [3, 2]})"),
              HasSubstr("probability"));
  EXPECT_THAT(UsageErrorOf("mqar", R"({"pairs": 17})"), HasSubstr("4 * pairs"));
  EXPECT_THAT(UsageErrorOf("mqar", R"({"random_fillers": 1})"),
              HasSubstr("unknown parameter random_fillers"));
  EXPECT_THAT(UsageErrorOf("forgetting-mqar", R"({"updates": 9})"),
              HasSubstr("more updates than pairs"));
  EXPECT_THAT(UsageErrorOf("forgetting-mqar", R"({"length": 38})"),
              HasSubstr("4 * pairs + 2 * updates"));
  EXPECT_THAT(UsageErrorOf("forgetting-mqar",
                           R"({"vocab": 8, "pairs": 3, "updates": 2})"),
              HasSubstr("more than the values"));
  EXPECT_THAT(UsageErrorOf("regular", R"({"max_edges": 4})"),
              HasSubstr("min_nodes - 1"));
  EXPECT_THAT(UsageErrorOf("regular", R"({"symbols": 3})"),
              HasSubstr("min_symbols is above symbols"));
  EXPECT_THAT(UsageErrorOf("selective-copy", R"({"places": 3})"),
              HasSubstr("more data than places"));
}

}  // namespace
}  // namespace plastometer::synthetic
