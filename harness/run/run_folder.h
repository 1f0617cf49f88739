// A run folder appears whole or not at all: files go to a temporary neighbour
// that Commit() renames.
#pragma once
#include <filesystem>
#include <string>

namespace plastometer {

class RunFolder {
 public:
  // Creates the temporary folder at once, so that a folder that exists (kUsage)
  // or cannot be written (kInfrastructure) is known before minutes of
  // measuring.
  explicit RunFolder(const std::filesystem::path& path);
  ~RunFolder();  // without Commit: removes everything
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

  std::filesystem::path File(const std::string& name) const {
    return temporary_ / name;
  }
  const std::filesystem::path& path() const { return path_; }
  void Commit();

 private:
  std::filesystem::path path_, temporary_;
  std::filesystem::path created_parent_;  // the topmost folder made on the way,
                                          // removed again if still empty
};

// runs/<UTC time>-<id>; the id keeps two runs of one second apart.
std::filesystem::path DefaultRunFolder();
std::string UtcNow();  // "2026-01-31T23:59:59Z"

}  // namespace plastometer
