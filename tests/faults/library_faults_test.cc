// What writes to the disk without LibTorch, under every fault: each call that
// changes a file fails once, in turn. Nothing that was there is lost, nothing
// is half-written, the error is kInfrastructure and names the file, and the
// same once more succeeds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file_lock.h"
#include "base/files.h"
#include "base/process.h"
#include "base/safetensors.h"
#include "base/sha256.h"
#include "datasets/fetch.h"
#include "datasets/store.h"
#include "harness/golden/bless.h"
#include "harness/golden/ledger.h"
#include "harness/golden/store.h"
#include "tests/faults/inject.h"
#include "tests/harness/golden/blessing.h"
#include "tests/harness/golden/whole_golden.h"

namespace plastometer {
namespace {

namespace fs = std::filesystem;
using testing::AnyOf;
using testing::HasSubstr;

using Files = std::map<std::string, std::string>;

// Path and content of every file; a lock names whoever held it last.
Files FilesIn(const fs::path& root) {
  Files files;
  for (const auto& entry : fs::recursive_directory_iterator(root))
    if (entry.is_regular_file() && entry.path().filename() != kLockFile)
      files[entry.path().lexically_relative(root).string()] =
          ReadFile(entry.path());
  return files;
}

// In `folder`: the action under one fault, what must hold then, and the action
// once more. False: the action makes fewer calls.
class EveryFault {
 public:
  using Step = std::function<void(const fs::path& folder)>;

  EveryFault(Step prepare, Step action)
      : prepare_(std::move(prepare)), action_(std::move(action)) {}

  // `holds` is asked after each fault that made the action fail.
  void Check(const Step& holds) {
    const TemporaryFolder undisturbed;
    prepare_(undisturbed.path());
    StartFaults({});
    action_(undisturbed.path());
    const size_t num_points = StopFaults().size();
    done_ = FilesIn(undisturbed.path());
    ASSERT_GT(num_points, 0U);
    for (size_t at = 1; at <= num_points; ++at)
      for (const char* kind : {"ENOSPC", "EIO", "full", "short"})
        CheckOne({static_cast<int>(at), kind}, holds);
  }

 private:
  void CheckOne(const Fault& fault, const Step& holds) {
    const TemporaryFolder folder;
    prepare_(folder.path());
    before_ = FilesIn(folder.path());
    std::string message;
    int exit_code = 0;
    StartFaults(fault);
    try {
      action_(folder.path());
    } catch (const Error& error) {
      message = error.what(), exit_code = error.exit_code();
    }
    const std::vector<FaultPoint> points = StopFaults();
    const FaultPoint& point = points.at(static_cast<size_t>(fault.at) - 1);
    SCOPED_TRACE(fault.kind + " at " + std::to_string(fault.at) + ", " +
                 point.call + " " + point.path + ": " + message);
    for (const auto& [name, content] : FilesIn(folder.path()))
      EXPECT_THAT(name, testing::Not(testing::EndsWith(".tmp")));
    if (exit_code == 0) {
      // A short write is none, and a lock is let go whatever close() says.
      EXPECT_TRUE(fault.kind == "short" || point.call == "close" ||
                  point.call == "fsync");
      EXPECT_EQ(FilesIn(folder.path()), done_);
      return;
    }
    EXPECT_EQ(exit_code, 8);
    EXPECT_THAT(message,
                AnyOf(HasSubstr("No space left"), HasSubstr("Input/output")));
    EXPECT_THAT(message, HasSubstr(folder.path().string()));
    holds(folder.path());
    action_(folder.path());
    EXPECT_EQ(FilesIn(folder.path()), done_);
  }

  Step prepare_, action_;
  Files before_, done_;
};

TEST(Faults, AFileIsTheOldOneOrTheNew) {
  EveryFault(
      [](const fs::path& folder) { WriteFile(folder / "f", "old"); },
      [](const fs::path& folder) { WriteFile(folder / "f", "the new one"); })
      .Check([](const fs::path& folder) {
        EXPECT_THAT(ReadFile(folder / "f"), AnyOf("old", "the new one"));
      });
}

TEST(Faults, TensorsAreWholeOrNotThere) {
  EveryFault([](const fs::path&) {},
             [](const fs::path& folder) {
               WriteSafetensors(folder / "t.safetensors",
                                {{"a", HostTensor::FromI32({3}, {1, 2, 3})}});
             })
      .Check([](const fs::path& folder) {
        const fs::path file = folder / "t.safetensors";
        if (fs::exists(file)) SafetensorsFile(file).Read("a");
      });
}

TEST(Faults, WhatOthersAppendedStays) {
  EveryFault(
      [](const fs::path& folder) { WriteFile(folder / "f", "theirs\n"); },
      [](const fs::path& folder) {
        if (ReadFile(folder / "f").ends_with("ours\n")) return;
        WriteFile(folder / "f", "theirs\n");  // what came of it before
        AppendToFile(folder / "f", "ours\n");
      })
      .Check([](const fs::path& folder) {
        EXPECT_TRUE(ReadFile(folder / "f").starts_with("theirs\n"));
      });
}

TEST(Faults, ALockIsHeldOrNot) {
  EveryFault([](const fs::path&) {},
             [](const fs::path& folder) {
               FileLock lock(folder / kLockFile, "the thing");
             })
      .Check([](const fs::path&) {});
}

// ---------------------------------------------------------------- goldens

Golden Pending(const std::string& name, double nll_nats) {
  Golden golden = PendingGolden(name, nll_nats);
  for (auto& digest : golden.trace.windows[0].row_digests)
    digest += static_cast<uint64_t>(nll_nats * 10000);
  return golden;
}

GoldenStore StoreIn(const fs::path& folder) {
  return GoldenStore(folder / "goldens");
}

// Store and ledger agree, and the store's golden is this one.
bool IsAccepted(const fs::path& folder, const Golden& golden) {
  const auto stored = StoreIn(folder).Read(golden.pins.suite, golden.pins.name,
                                           golden.metrics.numeric_class);
  return stored && GoldenSha256(*stored) == GoldenSha256(golden) &&
         LintStore(folder / "goldens").empty();
}

// What a first attempt has finished is refused when it is asked for again.
void AcceptBoth(const fs::path& folder, double nll_nats) {
  BlessRequest request;
  request.reason = "made for this test";
  for (const char* name : {"a", "b"}) {
    const Golden golden = Pending(name, nll_nats);
    if (!IsAccepted(folder, golden))
      request.cases.push_back({golden, golden, true});
  }
  if (!request.cases.empty()) Accept(folder / "goldens", request, AtACommit());
}

// Neither a damaged golden nor half of one.
void ExpectReadable(const fs::path& folder) {
  for (const char* name : {"a", "b"})
    EXPECT_NO_THROW(StoreIn(folder).Read("quick", name, kPortableClass));
}

TEST(Faults, FirstGoldensAreWholeOrNotThere) {
  EveryFault([](const fs::path&) {},
             [](const fs::path& folder) { AcceptBoth(folder, 3); })
      .Check(ExpectReadable);
}

TEST(Faults, GoldensAreTheOldOnesOrTheNew) {
  EveryFault([](const fs::path& folder) { AcceptBoth(folder, 3); },
             [](const fs::path& folder) { AcceptBoth(folder, 3.0003); })
      .Check([](const fs::path& folder) {
        ExpectReadable(folder);
        for (const char* name : {"a", "b"})
          EXPECT_TRUE(StoreIn(folder).Read("quick", name, kPortableClass));
      });
}

TEST(Faults, AGoldenThatIsRemovedIsOutOfStoreAndLedger) {
  EveryFault([](const fs::path& folder) { AcceptBoth(folder, 3); },
             [](const fs::path& folder) {
               if (StoreIn(folder).Cases("quick").size() == 1 &&
                   LintStore(folder / "goldens").empty())
                 return;
               Remove(folder / "goldens", "quick", "a", "its suite dropped it",
                      AtACommit());
             })
      .Check(ExpectReadable);
}

// ------------------------------------------------------------ fetched text

// The package is made once; the source pins it.
class FetchFaults : public testing::Test {
 protected:
  void SetUp() override {
    const fs::path tree = debs_.path() / "tree";
    MakeFolders(tree / "DEBIAN");
    MakeFolders(tree / "src/a");
    MakeFolders(tree / "src/b");
    WriteFile(tree / "DEBIAN/control",
              "Package: made-up\nVersion: 1.0\nArchitecture: all\nMaintainer: "
              "n <n@example.org>\nDescription: d\n");
    std::string text;
    for (int i = 0; i < 400; ++i)
      text += "x_" + std::to_string(i * i) + " = 1\n";
    WriteFile(tree / "src/a/x.py", text);
    WriteFile(tree / "src/b/y.py", "y = 2\n" + text);
    const fs::path deb = debs_.path() / "made-up_1.0_all.deb";
    const ProcessResult built = RunProcess(
        {"dpkg-deb", "-b", tree.string(), deb.string()}, debs_.path());
    ASSERT_EQ(built.exit_code, 0) << built.output;
    source_.name = "made-up", source_.domain = "d", source_.licence = "none";
    source_.training_allowed = true;
    source_.package = "made-up", source_.version = "1.0";
    source_.architecture = "all";
    source_.extract_json =
        R"({"kind": "source-tree", "folder": "src", "extensions": [".py"],
            "work": "folder"})";
    source_.split_json = R"({"rule": "every", "step": 2, "first": 1})";
    source_.bytes = fs::file_size(deb);
    source_.sha256 = Sha256OfFile(deb);
  }
  TemporaryFolder debs_;
  Source source_;
};

TEST_F(FetchFaults, TextIsStoredWholeOrCountsAsNotFetched) {
  EveryFault([](const fs::path&) {},
             [&](const fs::path& folder) {
               setenv("TMPDIR", folder.c_str(), 1);  // where it unpacks
               try {
                 FetchSource(source_, {folder / "data", debs_.path(), nullptr});
               } catch (...) {
                 unsetenv("TMPDIR");
                 throw;
               }
               unsetenv("TMPDIR");
             })
      .Check([&](const fs::path& folder) {
        EXPECT_FALSE(FindStoredText(folder / "data", source_) &&
                     !fs::exists(TextFile(folder / "data", "made-up")));
      });
}

}  // namespace
}  // namespace plastometer
