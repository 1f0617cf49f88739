#include <strings.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>
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

// What git says in `folder`, without the last newline; nullopt when it fails.
std::optional<std::string> Git(const std::filesystem::path& folder,
                               const std::string& arguments) {
  const std::string full =
      "git -C " + Quoted(folder.string()) + " " + arguments + " 2>/dev/null";
  std::string text;
  FILE* pipe = popen(full.c_str(), "r");
  if (pipe == nullptr) return std::nullopt;
  char buffer[4096];
  for (size_t n = 0; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;)
    text.append(buffer, n);
  if (pclose(pipe) != 0) return std::nullopt;
  while (text.ends_with('\n')) text.pop_back();
  return text;
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
  const auto status =
      Git(repository,
          "status --porcelain --untracked-files=normal -- ':(top)' "
          "':(exclude)goldens'");
  e.changed_files = status ? Names(*status) : "no git repository";
  const std::string name = Git(repository, "config user.name").value_or(""),
                    mail = Git(repository, "config user.email").value_or("");
  e.author =
      name.empty() && mail.empty() ? "unknown" : name + " <" + mail + ">";
  e.date_utc = UtcNow();
  return e;
}

}  // namespace plastometer
