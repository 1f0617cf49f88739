#include "datasets/fetch.h"

#include <gmock/gmock.h>

#include <cstdlib>

#include "base/files.h"
#include "base/process.h"
#include "base/sha256.h"
#include "tests/datasets/helpers.h"

namespace plastometer {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

// A package of two text files, built here, and a source that pins it.
class Fetch : public testing::Test {
 protected:
  void SetUp() override {
    const fs::path tree = folder_.path() / "tree";
    fs::create_directories(tree / "DEBIAN");
    fs::create_directories(tree / "src/a");
    fs::create_directories(tree / "src/b");
    fs::create_directories(debs());
    WriteFile(tree / "DEBIAN/control",
              "Package: made-up\nVersion: 1.0\nArchitecture: all\nMaintainer: "
              "n <n@example.org>\nDescription: d\n");
    WriteFile(tree / "src/a/x.py", Prose(1, 40));
    WriteFile(tree / "src/b/y.py", Prose(2, 40));
    source_.name = "made-up", source_.domain = "d", source_.licence = "none",
    source_.training_allowed = true;
    source_.package = "made-up", source_.version = "1.0",
    source_.architecture = "all";
    source_.extract_json =
        R"({"kind": "source-tree", "folder": "src", "extensions": [".py"],
            "work": "folder"})";
    source_.split_json = R"({"rule": "every", "step": 2, "first": 1})";
    const ProcessResult built = RunProcess(
        {"dpkg-deb", "-b", tree.string(), deb().string()}, folder_.path());
    ASSERT_EQ(built.exit_code, 0) << built.output;
    source_.bytes = fs::file_size(deb());
    source_.sha256 = Sha256OfFile(deb());
  }
  fs::path debs() const { return folder_.path() / "debs"; }
  fs::path deb() const { return debs() / "made-up_1.0_all.deb"; }
  fs::path data() const { return folder_.path() / "data"; }
  FetchResult Run() { return FetchSource(source_, {data(), debs(), nullptr}); }

  TemporaryFolder folder_;
  Source source_;
};

TEST_F(Fetch, StoresOnceAndThenDoesNothing) {
  const FetchResult first = Run();
  EXPECT_FALSE(first.was_there);
  EXPECT_EQ(first.text.train.works, 1);
  EXPECT_EQ(first.text.heldout.works, 1);
  EXPECT_GT(first.text.heldout.bytes, 100);
  fs::remove(deb());
  const FetchResult second = Run();
  EXPECT_TRUE(second.was_there);
  EXPECT_EQ(second.text.text_sha256, first.text.text_sha256);
}

TEST_F(Fetch, ADamagedStoreOrNewRulesMeanNotFetched) {
  Run();
  const std::string split = source_.split_json;
  source_.split_json = R"({"rule": "every", "step": 2, "first": 0})";
  EXPECT_FALSE(FindStoredText(data(), source_));
  source_.split_json = split;
  ASSERT_TRUE(FindStoredText(data(), source_));
  WriteFile(TextFile(data(), "made-up"), "damaged");
  EXPECT_FALSE(FindStoredText(data(), source_));
  EXPECT_FALSE(Run().was_there);
}

TEST_F(Fetch, AnotherPackageIsRefusedAndNothingStored) {
  std::string bytes = ReadFile(deb());
  bytes[bytes.size() / 2] ^= 1;
  WriteFile(deb(), bytes);
  EXPECT_THAT(MessageOf([&] { Run(); }), AllOf(HasSubstr("made-up_1.0_all.deb"),
                                               HasSubstr(source_.sha256)));
  EXPECT_FALSE(fs::exists(data() / "text"));
}

TEST_F(Fetch, AMissingFileIsNamed) {
  fs::remove(deb());
  EXPECT_THAT(MessageOf([&] { Run(); }),
              HasSubstr("has no made-up_1.0_all.deb"));
}

// Whoever can write to the folder of packages may do so while it is read.
TEST_F(Fetch, WhatWasCheckedIsWhatIsUnpacked) {
  const FetchResult honest =
      FetchSource(source_, {data(), debs(), [&](const std::string& line) {
                              if (line.find("unpacking") != std::string::npos)
                                WriteFile(deb(), "!<arch>\nanother package");
                            }});
  EXPECT_EQ(honest.text.train.works, 1);
}

TEST_F(Fetch, AFileOfAnotherSizeIsNotReadToItsEnd) {
  fs::resize_file(deb(), uint64_t{1} << 33);  // with a hole: takes no disk
  EXPECT_THAT(
      MessageOf([&] { Run(); }),
      AllOf(HasSubstr("made-up_1.0_all.deb"),
            HasSubstr("expected at most " + std::to_string(source_.bytes))));
}

// Every crafted package has another hash, and so reaches no unpacker.
TEST_F(Fetch, CraftedPackagesAreRefusedBeforeTheyAreUnpacked) {
  const std::string honest = ReadFile(deb());
  const auto member = [](const std::string& size) {
    return "!<arch>\ndebian-binary   0           0     0     100644  " + size +
           "`\n2.0\n";
  };
  for (const std::string& content :
       {std::string(), honest.substr(0, honest.size() / 2), honest + honest,
        member("-1        "), member("9999999999"), member("4         ")}) {
    WriteFile(deb(), content);
    MessageOf([&] { Run(); });
    EXPECT_FALSE(fs::exists(data()));
  }
}

TEST_F(Fetch, TextOtherThanPinnedIsOurMistake) {
  source_.text_sha256 = std::string(64, '0');
  EXPECT_THAT(MessageOf([&] { Run(); }, ErrorKind::kInternal),
              HasSubstr("pinned is 000"));
}

TEST_F(Fetch, GarbageInThePackageIsReported) {
  WriteFile(deb(), "!<arch>\nnot a package");
  EXPECT_THAT(MessageOf([&] { UnpackDeb(deb(), folder_.path()); },
                        ErrorKind::kInfrastructure),
              HasSubstr("dpkg-deb"));
}

// A PATH of our own with an apt-get that says what the real one would.
class FakeApt : public Fetch {
 protected:
  void SetUp() override {
    Fetch::SetUp();
    fs::create_directories(folder_.path() / "bin");
    old_path_ = std::getenv("PATH");
  }
  void TearDown() override { setenv("PATH", old_path_.c_str(), 1); }
  void Download(const std::string& script) {
    if (!script.empty()) {
      WriteFile(folder_.path() / "bin/apt-get", "#!/bin/sh\n" + script);
      fs::permissions(folder_.path() / "bin/apt-get", fs::perms::owner_all);
    }
    setenv("PATH", (folder_.path() / "bin").c_str(), 1);
    DownloadDeb(source_, folder_.path(), data());
  }
  std::string MessageWith(const std::string& script) {
    return MessageOf([&] { Download(script); }, ErrorKind::kInfrastructure);
  }
  std::string old_path_;
};

TEST_F(FakeApt, NoPackageToolsOnThisSystem) {
  EXPECT_THAT(MessageWith(""), AllOf(HasSubstr("apt-get is not on this system"),
                                     HasSubstr("--from")));
}

TEST_F(FakeApt, VersionNoLongerOffered) {
  EXPECT_THAT(
      MessageWith(
          "echo \"E: Version '1.0' for 'made-up' was not found\"; exit 100\n"),
      AllOf(HasSubstr("no longer offers made-up=1.0"),
            HasSubstr("made-up_1.0_all.deb")));
}

TEST_F(FakeApt, ArchiveOutOfReach) {
  EXPECT_THAT(
      MessageWith(
          "echo 'E: Failed to fetch: Temporary failure resolving'; exit 100\n"),
      AllOf(HasSubstr("out of reach"),
            HasSubstr("Temporary failure resolving")));
}

// A fresh system without lists and without a network: the missing lists are not
// the version's fault.
TEST_F(FakeApt, NoListsAndNoNetwork) {
  EXPECT_THAT(
      MessageWith("case \"$*\" in *Error-Mode=any*update*) "
                  "echo 'E: Failed to fetch: Temporary failure resolving';; "
                  "*) echo 'E: Unable to locate package made-up';; esac; "
                  "exit 100\n"),
      AllOf(HasSubstr("out of reach"),
            HasSubstr("Temporary failure resolving")));
}

TEST_F(FakeApt, PrivateListsAreTriedWhenTheSystemHasNone) {
  // Fails without lists of our own, succeeds after "update" with them.
  Download("case \"$*\" in *Dir::State=*update*) : > '" +
           (folder_.path() / "updated").string() +
           "';; "
           "*Dir::State=*download*) [ -e '" +
           (folder_.path() / "updated").string() +
           "' ] && : > made-up_1.0_all.deb;; "
           "*) echo 'E: Unable to locate package made-up'; exit 100;; esac\n");
  EXPECT_TRUE(fs::exists(folder_.path() / "made-up_1.0_all.deb"));
}

TEST(Process, ReportsExitCodesAndOutput) {
  TemporaryFolder folder;
  EXPECT_EQ(RunProcess({"no-such-program-here"}, folder.path()).exit_code, 127);
  const ProcessResult r = RunProcess(
      {"sh", "-c", "pwd; echo $LC_ALL; echo oops >&2; exit 3"}, folder.path());
  EXPECT_EQ(r.exit_code, 3);
  EXPECT_THAT(r.output, AllOf(HasSubstr(folder.path().filename().string()),
                              HasSubstr("C\n"), HasSubstr("oops")));
  EXPECT_EQ(RunProcess({"sh", "-c", "kill -9 $$"}, folder.path()).exit_code,
            137);
}

}  // namespace
}  // namespace plastometer
