// Code or environment: the code that made a golden, rebuilt here, against the
// same golden.
#pragma once
#include <filesystem>
#include <string>

namespace plastometer {

// A commit whose code id (pins.h CodeTree) is `code_tree`, newest first over
// all branches; a shallow clone is completed from its remote if need be. Throws
// kInvalid that says why there is none: no git, no such commit among those
// looked at, history cut and its remote out of reach.
std::string FindCommitOfCode(const std::filesystem::path& repository,
                             const std::string& code_tree);

// Checks `commit` out into work/tree, builds the program there with this
// machine's LibTorch and compiler, and returns it. Throws kInfrastructure with
// the last lines of what failed.
std::filesystem::path BuildCommit(const std::filesystem::path& repository,
                                  const std::string& commit,
                                  const std::filesystem::path& work);
// Takes work/tree out of git's list and away.
void RemoveCheckout(const std::filesystem::path& repository,
                    const std::filesystem::path& work);

}  // namespace plastometer
