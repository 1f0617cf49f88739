// Damage to a committed store, met the way a comparison meets it: each change
// is refused with kInvalid, or what is read is what was written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "base/error.h"
#include "base/files.h"
#include "harness/golden/ledger.h"
#include "harness/golden/store.h"
#include "tests/harness/golden/random_golden.h"

namespace plastometer {
namespace {

namespace fs = std::filesystem;
using ::testing::IsEmpty;
using ::testing::Not;

class DamageTest : public ::testing::Test {
 protected:
  DamageTest() {
    RandomGolden random(40);
    Bless(root(), random.Golden("a"), "1");
    golden_ = random.Golden("a");
    entry_ = Bless(root(), golden_, "2");
  }

  const fs::path& root() const { return folder_.path(); }

  // What a comparison believes, as text; nothing when it is refused.
  std::string Believed() const {
    try {
      const Ledger ledger = Ledger::Read(root());
      const auto golden =
          GoldenStore(root()).Read("quick", "a", kPortableClass);
      ledger.RequireBlessed(golden.value());
      const LedgerEntry* head = nullptr;
      ledger.Head("quick", "a", kPortableClass, &head);
      return PinsJson(golden->pins) + MetricsJson(golden->metrics) +
             EncodeTrace(golden->trace) + LedgerJson(*head);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kInvalid) << error.what();
      return "";
    }
  }

  // Returns how many of the changes were harmless. Lint must say the same.
  template <typename Change>
  int Damage(const std::string& name, int times, const Change& change) {
    const fs::path file = root() / name;
    const std::string good = ReadFile(file);
    const std::string expected = Believed();
    EXPECT_NE(expected, "");
    int harmless = 0;
    for (int i = 0; i < times; ++i) {
      const std::string bad = change(good, i);
      Overwrite(file, bad);
      const std::string believed = Believed();
      harmless += believed.empty() ? 0 : 1;
      EXPECT_TRUE(believed.empty() || believed == expected)
          << name << ", change " << i << ": accepted with another value";
      if (i % 8 == 0) {  // half of the time, otherwise
        EXPECT_EQ(LintStore(root()).empty(), !believed.empty())
            << name << ", change " << i;
      }
      if (testing::Test::HasFailure()) return harmless;
    }
    Overwrite(file, good);
    EXPECT_THAT(LintStore(root()), IsEmpty());
    return harmless;
  }

  // One byte set to another value.
  int ChangeBytes(const std::string& name) {
    std::mt19937_64 random(41);
    return Damage(name, 1000, [&](std::string bytes, int) {
      char& byte = bytes[random() % bytes.size()];
      byte = static_cast<char>(byte ^ (1 + random() % 255));
      return bytes;
    });
  }
  int Tear(const std::string& name) {
    const auto size = static_cast<int>(fs::file_size(root() / name));
    return Damage(name, size, [](const std::string& bytes, int i) {
      return bytes.substr(0, i);
    });
  }

  TemporaryFolder folder_;
  Golden golden_;
  LedgerEntry entry_;
};

TEST_F(DamageTest, BytesOfMetrics) {
  EXPECT_EQ(ChangeBytes("quick/a/portable-1/metrics.json"), 0);
}
TEST_F(DamageTest, BytesOfPins) {
  EXPECT_EQ(ChangeBytes("quick/a/case.json"), 0);
}
TEST_F(DamageTest, BytesOfTrace) {
  // A bit of zstd's header that changes nothing of the content is harmless.
  EXPECT_LT(ChangeBytes("quick/a/portable-1/trace.zst"), 50);
}
TEST_F(DamageTest, BytesOfTheLedgersHead) {
  EXPECT_EQ(ChangeBytes("ledger/2.json"), 0);
}
TEST_F(DamageTest, BytesOfTheLedgersPast) {
  EXPECT_EQ(ChangeBytes("ledger/1.json"), 0);
}

TEST_F(DamageTest, TornFiles) {
  for (const std::string name :
       {"quick/a/case.json", "quick/a/portable-1/metrics.json",
        "quick/a/portable-1/trace.zst", "ledger/2.json"}) {
    EXPECT_EQ(Tear(name), 0) << name;
  }
}

// WriteGolden was stopped between two of its files.
TEST_F(DamageTest, HalfWrittenGolden) {
  RandomGolden random(42);
  Golden next = random.Golden("a");
  next.pins.data_sha256 = std::string(64, 'f');
  const TemporaryFolder other;
  WriteGolden(next, other.path());
  for (const std::string name :
       {"case.json", "portable-1/trace.zst", "portable-1/metrics.json"}) {
    Overwrite(root() / "quick/a" / name, ReadFile(other.path() / name));
    EXPECT_EQ(Believed(), "") << name;
    EXPECT_THAT(LintStore(root()), Not(IsEmpty())) << name;
  }
}

}  // namespace
}  // namespace plastometer
