// What decides whether a blessing is allowed: CI by the value of its variables,
// and a git tree without changes outside goldens/.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "base/files.h"
#include "harness/golden/bless.h"

namespace plastometer {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr const char* kCiVariables[] = {
    "CI",          "GITHUB_ACTIONS", "GITLAB_CI",       "BUILDKITE",
    "JENKINS_URL", "TF_BUILD",       "TEAMCITY_VERSION"};

// A repository of its own with one commit; the variables of a CI that runs this
// very test are set aside.
class Environment : public ::testing::Test {
 protected:
  Environment() {
    for (const char* variable : kCiVariables) unsetenv(variable);
    for (const char* variable : {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"})
      unsetenv(variable);
    setenv("GIT_CONFIG_GLOBAL", "/dev/null", 1);
    setenv("GIT_CONFIG_SYSTEM", "/dev/null", 1);
    fs::create_directories(tree_ / "goldens" / "quick");
    fs::create_directories(tree_ / "model");
    WriteFile(tree_ / "goldens" / "quick" / "a.json", "1\n");
    WriteFile(tree_ / "model" / "a.cc", "1\n");
    Git("init -q .");
    Git("config user.name 'A. Author'");
    Git("config user.email a@example.org");
    Git("add -A");
    Git("commit -q -m first");
  }
  ~Environment() override {
    for (const char* variable : kCiVariables) unsetenv(variable);
  }
  void Git(const std::string& arguments) {
    const std::string command =
        "cd \"" + tree_.string() + "\" && git " + arguments;
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
  }
  BlessEnvironment Here() { return DetectBlessEnvironment(tree_); }

  TemporaryFolder folder_;
  fs::path tree_ = folder_.path() / "it's a tree";
};

TEST_F(Environment, ACleanTree) {
  const BlessEnvironment e = Here();
  EXPECT_EQ(e.changed_files, "");
  EXPECT_EQ(e.git_failure, "");
  EXPECT_FALSE(e.ci);
  EXPECT_EQ(e.author, "A. Author <a@example.org>");
  EXPECT_THAT(e.date_utc, ::testing::MatchesRegex("....-..-..T..:..:..Z"));
}

TEST_F(Environment, AChangedFileIsNamed) {
  WriteFile(tree_ / "model" / "a.cc", "2\n");
  EXPECT_EQ(Here().changed_files, "model/a.cc");
  Git("add -A");
  EXPECT_EQ(Here().changed_files, "model/a.cc");
}

TEST_F(Environment, SoIsANewOneAndAMissingOne) {
  WriteFile(tree_ / "new.cc", "1\n");
  EXPECT_EQ(Here().changed_files, "new.cc");
  Git("config status.showUntrackedFiles no");
  EXPECT_EQ(Here().changed_files, "new.cc");
  fs::remove(tree_ / "new.cc");
  fs::remove(tree_ / "model" / "a.cc");
  EXPECT_EQ(Here().changed_files, "model/a.cc");
}

TEST_F(Environment, OfManyThreeAreNamed) {
  for (const char* name : {"a", "b", "c", "d", "e"})
    WriteFile(tree_ / name, "1\n");
  EXPECT_EQ(Here().changed_files, "a, b, c and 2 more");
}

TEST_F(Environment, ChangesOfGoldensAloneAreClean) {
  WriteFile(tree_ / "goldens" / "quick" / "a.json", "2\n");
  WriteFile(tree_ / "goldens" / "quick" / "b.json", "2\n");
  EXPECT_EQ(Here().changed_files, "");
}

TEST_F(Environment, OutsideGitIsNotClean) {
  EXPECT_THAT(DetectBlessEnvironment(folder_.path()).git_failure,
              HasSubstr("not a git repository"));
  EXPECT_THAT(DetectBlessEnvironment(folder_.path() / "none").git_failure,
              HasSubstr("No such file or directory"));
}

TEST_F(Environment, AStoreBelowTheTopSeesTheWholeTree) {
  const fs::path below = tree_ / "model";
  EXPECT_EQ(DetectBlessEnvironment(below).changed_files, "");
  WriteFile(tree_ / "top.cc", "1\n");
  EXPECT_THAT(DetectBlessEnvironment(below).changed_files, HasSubstr("top.cc"));
}

TEST_F(Environment, AGitThatFailsIsNotClean) {
  WriteFile(tree_ / ".git" / "index", "no index");
  EXPECT_THAT(Here().git_failure, HasSubstr("index"));
}

// A tree of another user: git refuses it, and says what to do about that.
TEST_F(Environment, WhatGitRefusesIsPassedOn) {
  setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1", 1);
  const BlessEnvironment e = Here();
  unsetenv("GIT_TEST_ASSUME_DIFFERENT_OWNER");
  EXPECT_EQ(e.author, "unknown");
  EXPECT_THAT(e.git_failure, AllOf(HasSubstr("dubious ownership"),
                                   HasSubstr("safe.directory")));
}

TEST_F(Environment, CiIsTheValueOfItsVariablesNotTheirPresence) {
  for (const char* variable : kCiVariables) {
    for (const char* value : {"1", "true", "http://ci.example.org/"}) {
      setenv(variable, value, 1);
      EXPECT_TRUE(Here().ci) << variable << "=" << value;
    }
    for (const char* value : {"", "0", "false", "False", "FALSE"}) {
      setenv(variable, value, 1);
      EXPECT_FALSE(Here().ci) << variable << "=" << value;
    }
    unsetenv(variable);
  }
}

}  // namespace
}  // namespace plastometer
