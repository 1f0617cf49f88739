#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>

#include "harness/golden/bless.h"

namespace plastometer {
namespace {

// A value, not mere presence: CI=0 and CI=false are no CI.
bool IsSet(const char* variable) {
  const char* value = std::getenv(variable);
  if (value == nullptr) return false;
  const std::string text = value;
  return !text.empty() && text != "0" && text != "false" && text != "False";
}

// Output of a command in `folder`, without the last newline; empty on failure.
std::string Output(const std::filesystem::path& folder,
                   const std::string& command) {
  const std::string full =
      "cd '" + folder.string() + "' 2>/dev/null && " + command + " 2>/dev/null";
  std::string text;
  FILE* pipe = popen(full.c_str(), "r");
  if (pipe == nullptr) return text;
  char buffer[4096];
  for (size_t n = 0; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;)
    text.append(buffer, n);
  pclose(pipe);
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

std::string Now() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

}  // namespace

BlessEnvironment DetectBlessEnvironment(
    const std::filesystem::path& repository) {
  BlessEnvironment e;
  for (const char* variable : {"CI", "GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE",
                               "JENKINS_URL", "TF_BUILD", "TEAMCITY_VERSION"})
    e.ci = e.ci || IsSet(variable);
  e.changed_files =
      Output(repository, "git rev-parse --is-inside-work-tree") == "true"
          ? Names(Output(repository,
                         "git status --porcelain -- . ':(exclude)goldens'"))
          : "no git repository";
  const std::string name = Output(repository, "git config user.name"),
                    mail = Output(repository, "git config user.email");
  e.author =
      name.empty() && mail.empty() ? "unknown" : name + " <" + mail + ">";
  e.date_utc = Now();
  return e;
}

}  // namespace plastometer
