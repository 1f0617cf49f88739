#include "harness/golden/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>

#include "base/canonical_json.h"
#include "base/error.h"
#include "base/files.h"
#include "base/sha256.h"
#include "base/zstd_stream.h"
#include "tests/harness/golden/random_golden.h"

namespace plastometer {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// The text with one thing replaced, sealed anew: what a program that writes
// nonsense would leave.
std::string Resealed(const std::string& text, const std::string& key,
                     const nlohmann::json& value) {
  nlohmann::json object = nlohmann::json::parse(text);
  object.erase("content_sha256");
  object[nlohmann::json::json_pointer(key)] = value;
  return SealedText(object);
}

TEST(Store, FloatsKeepTheirBitsInBothForms) {
  std::mt19937_64 random(3);
  std::vector<double> values = {0.0,
                                -0.0,
                                3.0,
                                0.1,
                                -1e-320,
                                std::numeric_limits<double>::max(),
                                std::numeric_limits<double>::denorm_min()};
  for (int i = 0; i < 20'000; ++i) {
    values.push_back(std::bit_cast<double>(random()));
  }
  for (const double value : values) {
    const double read = FloatOf(FloatJson(value), "f");
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(read));
    } else {
      EXPECT_EQ(std::bit_cast<uint64_t>(read), std::bit_cast<uint64_t>(value));
    }
  }
  EXPECT_EQ(FloatJson(3).dump(), R"({"decimal":"3","hex":"0x1.8p+1"})");
  EXPECT_EQ(FloatJson(0.1)["decimal"], "0.10000000000000001");
  EXPECT_EQ(FloatJson(-0.0)["hex"], "-0x0p+0");
  EXPECT_EQ(FloatJson(-INFINITY), "-inf");
}

TEST(Store, TheTwoFormsOfAFloatMustBeOneNumber) {
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"0x1.8p+1", "3.0000000000000004"},
      {"0x1.8p+1", "x"},
      {"1.8p+1", "3"},
      {"0x1.8p+1 ", "3"},
      {"0x1p+5000", "inf"},
      {"0x-1p+0", "-1"},
      {"-0x0p+0", "0"},
      {"-0x0p+00", "-0"},
      {"0x1.80p+1", "3"},
      {"0x1.8p+1", "3.0"},
      {"0x1.999999999999ap-4", "0.10000000000000000"},
      {"nan", "nan"}};
  for (const auto& [hex, decimal] : wrong) {
    const nlohmann::json value = {{"hex", hex}, {"decimal", decimal}};
    EXPECT_THAT(
        MessageOf([&] { FloatOf(value, "m: nll"); }, ErrorKind::kInvalid),
        AllOf(HasSubstr("m: nll"), HasSubstr("not one number")));
  }
  for (const nlohmann::json& value :
       {nlohmann::json(3.5), nlohmann::json("3.5"), nlohmann::json("NaN"),
        nlohmann::json(nullptr), nlohmann::json({{"hex", "0x0p+0"}})}) {
    EXPECT_THAT(MessageOf([&] { FloatOf(value, "m"); }, ErrorKind::kInvalid),
                HasSubstr("expected {\"hex\""));
  }
}

TEST(Store, MetricsAreSortedWithOneValueALine) {
  CaseMetrics metrics;
  metrics.numeric_class = "portable-1";
  metrics.counts = {{"tokens", 5}, {"flops", INT64_MAX}};
  metrics.values = {{"nll_nats", 3.0}, {"drift", NAN}};
  const std::string text = MetricsJson(metrics);
  EXPECT_THAT(text, AllOf(HasSubstr("  \"counts\": {\n"
                                    "    \"flops\": 9223372036854775807,\n"
                                    "    \"tokens\": 5\n"
                                    "  },\n"),
                          HasSubstr("  \"values\": {\n"
                                    "    \"drift\": \"nan\",\n"
                                    "    \"nll_nats\": {\"hex\": \"0x1.8p+1\", "
                                    "\"decimal\": \"3\"}\n"
                                    "  }\n}\n"),
                          HasSubstr("  \"schema\": 1,\n"),
                          HasSubstr("  \"tolerances\": {},\n")));
}

TEST(Store, PinsAndMetricsComeBack) {
  RandomGolden random(4);
  Golden golden = random.Golden("text.uniform");
  golden.pins.config_json = "{\"a\": \"\\\"\n\t\x01 \xc3\xa4\"}";
  golden.pins.expect = "diverges";
  golden.metrics.tolerances["cpu-reference"] = {0, INFINITY, "\"why\"\n"};
  golden.metrics.counts["negative"] = INT64_MIN;
  const std::string pins = PinsJson(golden.pins);
  const std::string metrics = MetricsJson(golden.metrics);
  EXPECT_EQ(ParsePins(pins, "p"), golden.pins);
  EXPECT_EQ(ParseMetrics(metrics, "m"), golden.metrics);
}

TEST(Store, WhatIsNotOfTheSchemaIsRefused) {
  RandomGolden random(5);
  const Golden golden = random.Golden("a");
  const std::string pins = PinsJson(golden.pins);
  const std::string metrics = MetricsJson(golden.metrics);
  const std::vector<std::tuple<std::string, nlohmann::json, std::string>>
      wrong = {{"/counts/tokens", 3.0, "counts.tokens: 3.0"},
               {"/counts/tokens", "3", "counts.tokens"},
               {"/counts/tokens", uint64_t{1} << 63, "64 bits"},
               {"/counts", 3, "expected an object"},
               {"/values/nll_nats", 3.5, "values.nll_nats: 3.5"},
               {"/hashes/nll_sha256", 1, "expected a string"},
               {"/tolerances/cpu-native/more", 1, "unknown key \"more\""},
               {"/tolerances/cpu-native", "x", "expected an object"},
               {"/new_key", 1, "unknown key \"new_key\""}};
  for (const auto& [key, value, message] : wrong) {
    const std::string text = Resealed(metrics, key, value);
    EXPECT_THAT(MessageOf([&] { ParseMetrics(text, "x/metrics.json"); },
                          ErrorKind::kInvalid),
                AllOf(HasSubstr("x/metrics.json"), HasSubstr(message)));
  }
  EXPECT_THAT(MessageOf([&] { ParsePins(Resealed(pins, "/expect", "x"), "c"); },
                        ErrorKind::kInvalid),
              HasSubstr("expected \"finite\" or \"diverges\""));
  EXPECT_THAT(MessageOf([&] { ParsePins(metrics, "c"); }, ErrorKind::kInvalid),
              HasSubstr("no key"));
}

TEST(Store, AnotherSchemaIsNamedBeforeAnythingElse) {
  RandomGolden random(6);
  std::string text = MetricsJson(random.Golden("a").metrics);
  text.replace(text.find("\"schema\": 1"), 11, "\"schema\": 9");
  EXPECT_THAT(MessageOf([&] { ParseMetrics(text, "m"); }, ErrorKind::kInvalid),
              AllOf(HasSubstr("schema 9"), HasSubstr("reads schema 1")));
}

TEST(Store, AFileEditedByHandIsRefused) {
  RandomGolden random(7);
  const std::string text = MetricsJson(random.Golden("a").metrics);
  std::string wider = text;
  wider.replace(wider.find("measured"), 8, "invented");
  EXPECT_THAT(MessageOf([&] { ParseMetrics(wider, "m"); }, ErrorKind::kInvalid),
              AllOf(HasSubstr("content_sha256"), HasSubstr("changed after")));
  std::string spaced = text;
  const size_t at = spaced.find("  \"lane\"");
  const auto line = 1 + std::count(spaced.begin(), spaced.begin() + at, '\n');
  spaced.insert(at, " ");
  EXPECT_THAT(
      MessageOf([&] { ParseMetrics(spaced, "m"); }, ErrorKind::kInvalid),
      AllOf(HasSubstr("line " + std::to_string(line)),
            HasSubstr("not as this program writes it")));
}

TEST(Store, MergeConflictMarkersAreNamed) {
  RandomGolden random(8);
  std::string text = PinsJson(random.Golden("a").pins);
  text.insert(text.find("  \"name\""), "<<<<<<< HEAD\n");
  EXPECT_THAT(
      MessageOf([&] { ParsePins(text, "a/case.json"); }, ErrorKind::kInvalid),
      AllOf(HasSubstr("a/case.json: line 10 "),
            HasSubstr("merge-conflict marker")));
}

TEST(Store, GoldensComeBackFromTheirFiles) {
  const TemporaryFolder folder;
  RandomGolden random(9);
  const Golden golden = random.Golden("text.uniform");
  WriteGolden(golden, folder.path() / "c");
  const Golden read = ReadGolden(folder.path() / "c", kPortableClass);
  EXPECT_EQ(read.pins, golden.pins);
  EXPECT_EQ(read.metrics, golden.metrics);
  EXPECT_EQ(read.trace, golden.trace);
  EXPECT_EQ(GoldenSha256(read), GoldenSha256(golden));
}

TEST(Store, HashIsOfTheContentNotOfItsCompression) {
  const TemporaryFolder folder;
  RandomGolden random(10);
  const Golden golden = random.Golden("a");
  WriteGolden(golden, folder.path());
  const fs::path trace = folder.path() / kPortableClass / "trace.zst";
  const std::string bytes = EncodeTrace(golden.trace);
  WriteFile(trace, ZstdCompress(bytes, 1));
  EXPECT_EQ(GoldenSha256(ReadGolden(folder.path(), kPortableClass)),
            GoldenSha256(golden));
  // What docs/goldens.md says a shell can do.
  const std::string metrics =
      ReadFile(folder.path() / kPortableClass / "metrics.json");
  EXPECT_EQ(GoldenSha256(golden),
            Sha256Hex("case.json " +
                      Sha256Hex(ReadFile(folder.path() / "case.json")) +
                      "\nmetrics.json " + Sha256Hex(metrics) + "\ntrace " +
                      Sha256Hex(bytes) + "\n"));
}

TEST(Store, HashSeesEveryPart) {
  RandomGolden random(11);
  const Golden golden = random.Golden("a");
  const std::vector<std::function<void(Golden*)>> changes = {
      [](Golden* g) { g->pins.profile_lambdas += "0"; },
      [](Golden* g) { g->metrics.counts["tokens"] += 1; },
      [](Golden* g) {
        double& value = g->metrics.values["nll_nats"];
        value = std::nextafter(value, INFINITY);
      },
      [](Golden* g) { g->metrics.tolerances.clear(); },
      [](Golden* g) { g->trace.windows[1].block_digests[0] ^= 1; },
      [](Golden* g) { g->trace.windows[0].probe.target_id ^= 1; }};
  for (const auto& change : changes) {
    Golden other = golden;
    change(&other);
    EXPECT_NE(GoldenSha256(other), GoldenSha256(golden));
  }
}

TEST(Store, FilesOfTwoGoldensAreNotRead) {
  const TemporaryFolder folder;
  RandomGolden random(12);
  const Golden first = random.Golden("a");
  const Golden second = random.Golden("a");
  WriteGolden(first, folder.path());
  const fs::path trace = folder.path() / kPortableClass / "trace.zst";
  WriteFile(trace, ZstdCompress(EncodeTrace(second.trace)));
  EXPECT_THAT(MessageOf([&] { ReadGolden(folder.path(), kPortableClass); },
                        ErrorKind::kInvalid),
              AllOf(HasSubstr(trace.string()), HasSubstr("not of one golden")));
}

TEST(Store, MissingFilesAreNamed) {
  for (const std::string name :
       {"case.json", "portable-1/metrics.json", "portable-1/trace.zst"}) {
    const TemporaryFolder folder;
    RandomGolden random(13);
    WriteGolden(random.Golden("a"), folder.path());
    fs::remove(folder.path() / name);
    EXPECT_THAT(MessageOf([&] { ReadGolden(folder.path(), kPortableClass); },
                          ErrorKind::kInvalid),
                HasSubstr((folder.path() / name).string()));
  }
}

TEST(Store, ListsWhatItHolds) {
  const TemporaryFolder folder;
  const GoldenStore store(folder.path() / "goldens");
  EXPECT_THAT(store.Cases("quick"), IsEmpty());
  EXPECT_FALSE(store.Pins("quick", "a"));
  EXPECT_FALSE(store.Read("quick", "a", kPortableClass));
  RandomGolden random(14);
  Bless(store.root(), random.Golden("b"), "1");
  Golden golden = random.Golden("a.early-25pct");
  Bless(store.root(), golden, "2");
  golden.metrics.numeric_class = "cpu-native+2.11.0+avx2+t4";
  Bless(store.root(), golden, "3");
  EXPECT_THAT(store.Cases("quick"), ElementsAre("a.early-25pct", "b"));
  EXPECT_THAT(store.Classes("quick", "a.early-25pct"),
              ElementsAre("cpu-native+2.11.0+avx2+t4", "portable-1"));
  EXPECT_EQ(*store.Pins("quick", "a.early-25pct"), golden.pins);
  EXPECT_EQ(store.Read("quick", "a.early-25pct", "cpu-native+2.11.0+avx2+t4")
                ->metrics,
            golden.metrics);
  EXPECT_FALSE(store.Read("quick", "b", "portable-2"));
}

TEST(Store, FoldersAndContentMustAgree) {
  const TemporaryFolder folder;
  const GoldenStore store(folder.path());
  RandomGolden random(15);
  Bless(store.root(), random.Golden("a"), "1");
  fs::rename(folder.path() / "quick" / "a", folder.path() / "quick" / "b");
  EXPECT_THAT(MessageOf([&] { store.Read("quick", "b", kPortableClass); },
                        ErrorKind::kInvalid),
              AllOf(HasSubstr("name is \"a\""), HasSubstr("says \"b\"")));
  fs::rename(folder.path() / "quick/b/portable-1",
             folder.path() / "quick/b/portable-2");
  EXPECT_THAT(
      MessageOf([&] { ReadGolden(folder.path() / "quick/b", "portable-2"); },
                ErrorKind::kInvalid),
      HasSubstr("numeric_class is \"portable-1\""));
}

TEST(Store, NamesStayInsideTheStore) {
  const GoldenStore store("goldens");
  for (const std::string name :
       {"", "..", "a/b", "/etc", ".lock", "ledger", "a b", "a\n"}) {
    EXPECT_THAT(
        MessageOf([&] { store.CaseFolder(name, "a"); }, ErrorKind::kUsage),
        HasSubstr("suite"));
    EXPECT_THAT(
        MessageOf([&] { store.Read("a", "b", name); }, ErrorKind::kUsage),
        HasSubstr("numeric class"));
  }
}

TEST(Store, LockIsHeldByOneAndNamesIt) {
  const TemporaryFolder folder;
  {
    const FileLock lock = LockStore(folder.path() / "goldens");
    EXPECT_THAT(MessageOf([&] { LockStore(folder.path() / "goldens"); },
                          ErrorKind::kRefused),
                AllOf(HasSubstr("process " + std::to_string(getpid())),
                      HasSubstr("goldens/.lock")));
  }
  EXPECT_NO_THROW(LockStore(folder.path() / "goldens"));
}

TEST(Store, GoldenTextShowsATraceFile) {
  const TemporaryFolder folder;
  RandomGolden random(16);
  const Golden golden = random.Golden("a");
  WriteGolden(golden, folder.path());
  EXPECT_EQ(GoldenText(folder.path() / kPortableClass / "trace.zst"),
            TraceText(golden.trace));
}

}  // namespace
}  // namespace plastometer
