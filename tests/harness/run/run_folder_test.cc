#include "harness/run/run_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/error.h"
#include "base/files.h"

namespace plastometer {
namespace {

namespace fs = std::filesystem;

int64_t NumEntries(const fs::path& folder) {
  return std::distance(fs::directory_iterator(folder),
                       fs::directory_iterator());
}

int ExitCodeOf(const fs::path& path) {
  try {
    RunFolder folder(path);
  } catch (const Error& error) {
    return error.exit_code();
  }
  return 0;
}

TEST(RunFolder, IsThereAtOnceAndStaysWhenKept) {
  TemporaryFolder temporary;
  const fs::path out = temporary.path() / "a" / "run";
  {
    RunFolder folder(out);
    EXPECT_TRUE(fs::is_directory(out));
    WriteFile(folder.File("results.json"), "{}");
    folder.Keep();
  }
  EXPECT_EQ(ReadFile(out / "results.json"), "{}");
  EXPECT_EQ(NumEntries(out.parent_path()), 1);
}

TEST(RunFolder, NothingStaysWhenNothingWasFinished) {
  TemporaryFolder temporary;
  {
    RunFolder folder(temporary.path() / "new" / "deep" / "run");
    WriteFile(folder.File("plan.json"), "{}");
  }
  EXPECT_EQ(NumEntries(temporary.path()), 0);
}

TEST(RunFolder, ResumesOnlyWhatHasAPlanAndAJournal) {
  TemporaryFolder temporary;
  EXPECT_THROW(RunFolder::Resume(temporary.path()), Error);
  WriteFile(temporary.path() / kPlanFile, "{}");
  EXPECT_THROW(RunFolder::Resume(temporary.path()), Error);
  WriteFile(temporary.path() / kJournalFile, "");
  { const RunFolder folder = RunFolder::Resume(temporary.path()); }
  EXPECT_EQ(NumEntries(temporary.path()), 2);
}

TEST(RunFolder, ExistingFolderIsAUsageError) {
  TemporaryFolder temporary;
  EXPECT_EQ(ExitCodeOf(temporary.path()), 2);
  EXPECT_EQ(ExitCodeOf(temporary.path().string() + "/"), 2);
  EXPECT_TRUE(fs::exists(temporary.path()));
}

// Permissions do not bind root, but a file in the way and /proc do.
TEST(RunFolder, UnwritablePlaceIsNamed) {
  TemporaryFolder temporary;
  WriteFile(temporary.path() / "file", "x");
  EXPECT_EQ(ExitCodeOf(temporary.path() / "file" / "run"), 8);
  EXPECT_EQ(ExitCodeOf("/proc/run"), 8);
  EXPECT_EQ(NumEntries(temporary.path()), 1);
}

TEST(RunFolder, DefaultNamesDiffer) {
  const std::string a = DefaultRunFolder().string(),
                    b = DefaultRunFolder().string();
  EXPECT_EQ(a.rfind("runs/", 0), 0u);
  EXPECT_EQ(a.size(), std::string("runs/20260131T120000Z-0000").size());
  EXPECT_EQ(b.size(), a.size());
}

}  // namespace
}  // namespace plastometer
