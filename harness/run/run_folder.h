// The folder of a run. It is there from the first moment, so that what is
// finished survives an interruption; `results.json`, written last, says that
// the run is complete. A run that finished nothing leaves nothing.
#pragma once
#include <filesystem>
#include <string>

namespace plastometer {

inline constexpr char kJournalFile[] = "journal.jsonl",
                      kPlanFile[] = "plan.json",
                      kResultsFile[] = "results.json";

class RunFolder {
 public:
  // Throws kUsage when the folder exists, kInfrastructure when it cannot be
  // made: known before minutes of measuring.
  explicit RunFolder(const std::filesystem::path& path);
  // An interrupted run's folder. Throws kInvalid when it has no journal.
  static RunFolder Resume(const std::filesystem::path& path);
  ~RunFolder();  // without Keep: removes everything
  RunFolder(RunFolder&& other) noexcept;
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

  std::filesystem::path File(const std::string& name) const {
    return path_ / name;
  }
  const std::filesystem::path& path() const { return path_; }
  // From now on the content is worth keeping.
  void Keep() { kept_ = true; }
  bool kept() const { return kept_; }

 private:
  RunFolder() = default;
  std::filesystem::path path_;
  // The topmost folder made on the way, removed again if still empty.
  std::filesystem::path created_parent_;
  bool kept_ = false;
};

// runs/<UTC time>-<id>; the id keeps two runs of one second apart.
std::filesystem::path DefaultRunFolder();

}  // namespace plastometer
