// stats.safetensors of a run folder: what the inner loop did in every window
// under one profile, written and read window by window.
#pragma once
#include <filesystem>
#include <functional>
#include <string>

#include "datasets/tokenizer.h"
#include "harness/run/group.h"
#include "harness/run/learning.h"
#include "harness/run/window_statistics.h"
#include "model/model.h"
#include "model/weights/safetensors.h"

namespace plastometer {

inline constexpr char kStatisticsFile[] = "stats.safetensors";

// Scores the group's windows once more with statistics, batch by batch, under
// the profile of index `profile`. `losses`: those of the run, window after
// window; in a portable lane the second pass must give the same bits (kInternal
// otherwise). Memory: one batch.
void WriteStatistics(const Model& model, const LoadedGroup& group,
                     size_t profile, const std::vector<double>& losses,
                     const std::filesystem::path& path,
                     const std::function<void(int64_t, int64_t)>& progress);

class StatisticsFile {
 public:
  // Throws kInvalid: missing arrays, or shapes that are not the run's.
  StatisticsFile(const std::filesystem::path& path, const RunRecord& record,
                 int64_t num_layers, int64_t num_heads);
  const std::string& profile() const { return profile_; }
  WindowStatistics Read(size_t window) const;
  std::vector<int32_t> TokenIds(size_t window) const;

 private:
  template <class T>
  std::vector<T> Part(const std::string& name, size_t window, int64_t rows,
                      int64_t columns, int64_t kept) const;

  SafetensorsFile file_;
  std::string profile_;
  std::vector<int64_t> window_tokens_;
  int64_t L_ = 0, H_ = 0, T_ = 0, M_ = 0;  // of the file: the longest window's
};

// What the file says, one window in memory at a time.
Learning ReadLearning(const std::filesystem::path& path,
                      const RunRecord& record, int64_t num_layers,
                      int64_t num_heads);

}  // namespace plastometer
