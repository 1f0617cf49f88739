#include "harness/check/blame.h"

#include <cstdlib>
#include <sstream>
#include <system_error>

#include "base/error.h"
#include "base/files.h"
#include "base/process.h"

namespace plastometer {
namespace fs = std::filesystem;
namespace {

// Each costs a few processes, about 20 ms.
constexpr int kMaxCommits = 1000;

std::string Tail(const std::string& text, size_t num_bytes = 1500) {
  return text.size() > num_bytes ? "..." + text.substr(text.size() - num_bytes)
                                 : text;
}

std::string FirstWord(const std::string& text) {
  return text.substr(0, text.find_first_of(" \n"));
}

bool IsShallow(const fs::path& repository) {
  return FirstWord(RunProcess({"git", "rev-parse", "--is-shallow-repository"},
                              repository)
                       .output) == "true";
}

// Empty when none of the commits has that code.
std::string Search(const fs::path& repository, const std::string& code_tree,
                   int* num_looked_at) {
  const ProcessResult list =
      RunProcess({"git", "rev-list", "--all",
                  "--max-count=" + std::to_string(kMaxCommits)},
                 repository);
  if (list.exit_code != 0)
    throw InvalidError("blame: " + repository.string() +
                       " is no git repository: " + Tail(list.output));
  const std::string script = (repository / "cmake" / "code_tree").string();
  *num_looked_at = 0;
  std::istringstream commits(list.output);
  for (std::string commit; commits >> commit; ++*num_looked_at) {
    const ProcessResult id = RunProcess({script, commit}, repository);
    if (id.exit_code == 0 && FirstWord(id.output) == code_tree) return commit;
  }
  return "";
}

void MustSucceed(const std::vector<std::string>& command,
                 const fs::path& folder) {
  const ProcessResult result = RunProcess(command, folder);
  if (result.exit_code == 0) return;
  std::string text;
  for (const std::string& word : command) text += word + " ";
  throw InfrastructureError("blame: " + text + "in " + folder.string() +
                            " ended with " + std::to_string(result.exit_code) +
                            ":\n" + Tail(result.output));
}

}  // namespace

std::string FindCommitOfCode(const fs::path& repository,
                             const std::string& code_tree) {
  if (code_tree == "unknown")
    throw InvalidError("blame: the golden does not say which code made it");
  int num_commits = 0;
  std::string commit = Search(repository, code_tree, &num_commits);
  std::string cut;
  if (commit.empty() && IsShallow(repository)) {
    const ProcessResult fetch =
        RunProcess({"git", "fetch", "--quiet", "--unshallow"}, repository);
    if (fetch.exit_code == 0)
      commit = Search(repository, code_tree, &num_commits);
    else
      cut = "; the clone is shallow and could not be completed: " +
            Tail(fetch.output, 300);
  }
  if (!commit.empty()) return commit;
  throw InvalidError("blame: none of " + std::to_string(num_commits) +
                     " commits has the golden's code " +
                     code_tree.substr(0, 12) + cut);
}

fs::path BuildCommit(const fs::path& repository, const std::string& commit,
                     const fs::path& work) {
  const fs::path tree = work / "tree";
  MakeFolders(work);
  MustSucceed(
      {"git", "worktree", "add", "--detach", "--force", tree.string(), commit},
      repository);
  const fs::path libtorch = repository / ".deps" / "libtorch" / "torch";
  if (fs::is_directory(libtorch))
    setenv("LIBTORCH_ROOT", libtorch.c_str(), /*overwrite=*/0);
  MustSucceed({"cmake", "--preset", "cpu"}, tree);
  MustSucceed(
      {"cmake", "--build", "--preset", "cpu", "--target", "plastometer"}, tree);
  return tree / "build" / "cpu" / "plastometer";
}

void RemoveCheckout(const fs::path& repository, const fs::path& work) {
  RunProcess({"git", "worktree", "remove", "--force", (work / "tree").string()},
             repository);
}

}  // namespace plastometer
