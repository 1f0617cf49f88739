#include <strings.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/clock.h"
#include "harness/golden/bless.h"

namespace plastometer {
namespace {

// A value, not mere presence: CI=0 and CI=false are no CI.
bool IsSet(const char* variable) {
  const char* value = std::getenv(variable);
  if (value == nullptr) return false;
  const std::string text = value;
  return !text.empty() && text != "0" && strcasecmp(value, "false") != 0;
}

std::string Quoted(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + "'";
}

struct Said {
  bool succeeded = false;
  std::string text;  // without the last newline
};

Said Shell(const std::string& command) {
  Said said;
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return said;
  char buffer[4096];
  for (size_t n = 0; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;)
    said.text.append(buffer, n);
  said.succeeded = pclose(pipe) == 0;
  while (said.text.ends_with('\n')) said.text.pop_back();
  return said;
}

// What git prints in `folder`; where it fails, its complaint. Warnings of a git
// that succeeds are nobody's answer.
Said Git(const std::filesystem::path& folder, const std::string& arguments) {
  const std::string git =
      "LC_ALL=C git -C " + Quoted(folder.string()) + " " + arguments;
  Said said = Shell(git + " 2>/dev/null");
  if (!said.succeeded) said.text = Shell(git + " 2>&1").text;
  if (!said.succeeded && said.text.empty()) said.text = "(nothing)";
  return said;
}

// Nothing where git fails: a setting that is not made.
std::string GitSetting(const std::filesystem::path& folder,
                       const std::string& name) {
  const Said said = Git(folder, "config " + name);
  return said.succeeded ? said.text : "";
}

// The first few names of `git status --porcelain`.
std::string Names(const std::string& status) {
  std::string names;
  int count = 0;
  for (size_t begin = 0; begin < status.size();) {
    const size_t end = std::min(status.find('\n', begin), status.size());
    if (count++ < 3 && end > begin + 3)
      names += (names.empty() ? "" : ", ") +
               status.substr(begin + 3, end - begin - 3);
    begin = end + 1;
  }
  return count > 3 ? names + " and " + std::to_string(count - 3) + " more"
                   : names;
}

}  // namespace

BlessEnvironment DetectBlessEnvironment(
    const std::filesystem::path& repository) {
  BlessEnvironment e;
  for (const char* variable : {"CI", "GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE",
                               "JENKINS_URL", "TF_BUILD", "TEAMCITY_VERSION"})
    e.ci = e.ci || IsSet(variable);
  // The whole tree, wherever in it goldens/ lies, whatever the user's settings.
  const Said status =
      Git(repository,
          "status --porcelain --untracked-files=normal -- ':(top)' "
          "':(exclude)goldens'");
  (status.succeeded ? e.changed_files : e.git_failure) =
      status.succeeded ? Names(status.text) : status.text;
  const std::string name = GitSetting(repository, "user.name"),
                    mail = GitSetting(repository, "user.email");
  e.author =
      name.empty() && mail.empty() ? "unknown" : name + " <" + mail + ">";
  e.date_utc = UtcNow();
  return e;
}

}  // namespace plastometer
