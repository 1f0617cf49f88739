#include "base/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/interrupt.h"
#include "tests/errors.h"

namespace plastometer {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> FilesIn(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// Sets one variable for the life of a test.
class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) {
    setenv(name, value, 1);
  }
  ~Environment() { unsetenv(name_); }

 private:
  const char* name_;
};

TEST(Files, WhatIsWrittenIsReadAndMapped) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "f";
  const std::string content("a\0b\n", 4);
  WriteFile(path, content);
  EXPECT_EQ(ReadFile(path), content);
  MappedFile first(path);
  const MappedFile map = std::move(first);
  EXPECT_EQ(map.bytes().size(), 4U);
  EXPECT_EQ(map.bytes()[2], std::byte{'b'});
  map.Release();
  EXPECT_EQ(map.bytes()[2], std::byte{'b'});
  WriteFile(path, "");
  EXPECT_EQ(ReadFile(path), "");
  EXPECT_TRUE(MappedFile(path).bytes().empty());
}

TEST(Files, FilesWithoutAnAnnouncedSizeAreReadToTheEnd) {
  EXPECT_THAT(ReadFile("/proc/self/status"), HasSubstr("VmRSS"));
}

TEST(Files, UnreadableFilesAreNamed) {
  const TemporaryFolder folder;
  const auto invalid = ErrorKind::kInvalid;
  EXPECT_THAT(MessageOf([&] { ReadFile(folder.path() / "no"); }, invalid),
              HasSubstr("/no: No such file"));
  EXPECT_THAT(MessageOf([&] { ReadFile(folder.path()); }, invalid),
              HasSubstr("is a folder"));
  EXPECT_THAT(MessageOf([&] { MappedFile map(folder.path()); }, invalid),
              HasSubstr("is a folder"));
  EXPECT_THAT(MessageOf([&] { MappedFile map("/dev/zero"); }, invalid),
              HasSubstr("not a regular file"));
  EXPECT_THAT(MessageOf([&] { ReadFile("/dev/zero"); }, invalid),
              HasSubstr("/dev/zero: not a regular file"));
  // Nobody writes into it: refused at once, not waited for.
  ASSERT_EQ(mkfifo((folder.path() / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(MessageOf([&] { ReadFile(folder.path() / "pipe"); }, invalid),
              HasSubstr("pipe: not a regular file"));
  WriteFile(folder.path() / "f", "12345");
  EXPECT_THAT(MessageOf([&] { ReadFile(folder.path() / "f", 4); }, invalid),
              HasSubstr("5 bytes or more, expected at most 4"));
  EXPECT_EQ(ReadFile(folder.path() / "f", 5), "12345");
}

TEST(Files, AnAbandonedWriteLeavesTheOldFile) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "f";
  WriteFile(path, "old");
  {
    AtomicFile file(path);
    file.Write("new");
    EXPECT_EQ(ReadFile(path), "old");
  }
  EXPECT_EQ(ReadFile(path), "old");
  EXPECT_THAT(FilesIn(folder.path()), ElementsAre("f"));
  AtomicFile file(path);
  file.Write("new");
  file.Commit();
  EXPECT_EQ(ReadFile(path), "new");
  MessageOf([&] { file.Commit(); }, ErrorKind::kInternal);
  EXPECT_THAT(FilesIn(folder.path()), ElementsAre("f"));
}

TEST(Files, WrittenFilesHaveTheUsualMode) {
  const TemporaryFolder folder;
  const mode_t mask = umask(022);
  WriteFile(folder.path() / "f", "x");
  umask(mask);
  struct stat info {};
  ASSERT_EQ(stat((folder.path() / "f").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0644U);
}

TEST(Files, UnwritablePlacesAreNamed) {
  const TemporaryFolder folder;
  const auto kind = ErrorKind::kInfrastructure;
  EXPECT_THAT(
      MessageOf([&] { WriteFile(folder.path() / "no" / "f", "x"); }, kind),
      HasSubstr("no/f: No such file"));
  EXPECT_THAT(MessageOf([&] { WriteFile(folder.path(), "x"); }, kind),
              HasSubstr("not a regular file"));
  EXPECT_THAT(MessageOf([&] { WriteFile("/dev/full", "x"); }, kind),
              HasSubstr("not a regular file"));
  EXPECT_TRUE(fs::is_character_file("/dev/full"));
}

TEST(Files, AWriteThatFailsHalfWayLeavesNothing) {
  const TemporaryFolder folder;
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{1000, before.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string message =
      MessageOf([&] { WriteFile(folder.path() / "f", std::string(2000, 'x')); },
                ErrorKind::kInfrastructure);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_THAT(message, HasSubstr("/f: File too large"));
  EXPECT_THAT(FilesIn(folder.path()), ElementsAre());
}

TEST(Files, TemporaryFoldersDisappearWithTheirContent) {
  fs::path path;
  {
    const TemporaryFolder folder;
    path = folder.path();
    fs::create_directories(path / "a" / "b");
    WriteFile(path / "a" / "b" / "c", "x");
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST(Files, FoldersOfTheInstallationFollowTheEnvironment) {
  const TemporaryFolder folder;
  fs::create_directories(folder.path() / "model" / "pretrained");
  const Environment home("PLASTOMETER_HOME", folder.path().c_str());
  EXPECT_EQ(HomeFolder(), folder.path());
  EXPECT_EQ(DataFolder(), folder.path() / ".data");
  const Environment data("PLASTOMETER_DATA", "/some/data");
  EXPECT_EQ(DataFolder(), "/some/data");
}

TEST(Files, AHomeThatIsNoInstallationIsNamedWithItsVariable) {
  const TemporaryFolder folder;
  for (const fs::path& home : {folder.path(), folder.path() / "none"}) {
    const Environment variable("PLASTOMETER_HOME", home.c_str());
    const std::string message = MessageOf([] { HomeFolder(); });
    EXPECT_NE(message.find("PLASTOMETER_HOME is " + home.string()),
              std::string::npos)
        << message;
  }
}

TEST(AtomicFile, AnInterruptionLeavesNothing) {
  const TemporaryFolder folder;
  const InterruptGuard guard;
  try {
    AtomicFile file(folder.path() / "out");
    file.Write(std::string_view("first half"));
    std::raise(SIGTERM);
    file.Write(std::string_view("second half"));
    FAIL() << "was not interrupted";
  } catch (const Interrupted& interrupted) {
    EXPECT_EQ(interrupted.signal, SIGTERM);
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace plastometer
