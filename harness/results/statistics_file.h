// stats.safetensors of a run folder: what the inner loop did in every window
// under one profile, written and read window by window.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/safetensors.h"
#include "harness/results/class_losses.h"
#include "harness/results/learning.h"
#include "harness/results/window_statistics.h"

namespace plastometer {

inline constexpr char kStatisticsFile[] = "stats.safetensors";

// [window, layer, head, mini-batch] and [window, layer, head, token].
inline constexpr const char* kStatisticsByMiniBatch[] = {
    "grad_norm",      "inner_loss", "relative_update",
    "state_distance", "state_norm", "update_norm"};
inline constexpr const char* kStatisticsByToken[] = {"gate", "token_grad_norm",
                                                     "token_step"};
// [window, 64]: a hash of each window, in hexadecimal digits. It is over the
// hash of what all windows share (metadata as "key\nvalue\n", lambda,
// layer_indices, window_tokens), then the window's rows of the arrays by
// mini-batch, by token, and of loss, token_ids and word_class.
inline constexpr char kWindowSha256[] = "window_sha256";
inline constexpr int64_t kSha256Digits = 64;

class StatisticsFile {
 public:
  // Throws kInvalid: missing arrays, or shapes that are not the run's. `record`
  // outlives it.
  StatisticsFile(const std::filesystem::path& path, const RunRecord& record,
                 int64_t num_layers, int64_t num_heads);
  const std::string& profile() const { return profile_; }
  // Throw kInvalid, naming window and token: changed since it was written, no
  // such word class, an id below 0; in a lane that promises bits, a loss that
  // is not the record's.
  WindowStatistics Read(size_t window) const;
  std::vector<int32_t> TokenIds(size_t window) const;
  std::vector<uint8_t> WordClasses(size_t window) const;
  // What kWindowSha256 should say.
  std::string HashOf(size_t window) const;

 private:
  template <class T>
  std::vector<T> Part(const std::string& name, size_t window, int64_t rows,
                      int64_t columns, int64_t kept) const;

  // The window's hash, once for each window.
  void CheckHash(size_t window) const;
  std::string HashOfShared() const;
  std::vector<float> Losses(size_t window) const;
  Error Wrong(const std::string& array, size_t window, int64_t token,
              const std::string& met, const std::string& expected) const;

  SafetensorsFile file_;
  std::string shared_sha256_;
  mutable std::vector<bool> checked_;  // by window
  const RunRecord& record_;
  std::string profile_;
  std::optional<size_t> profile_idx_;  // where its losses are known to the bit
  std::vector<int64_t> window_tokens_;
  int64_t L_ = 0, H_ = 0, T_ = 0, M_ = 0;  // of the file: the longest window's
};

// What the file says, one window in memory at a time.
Learning ReadLearning(const std::filesystem::path& path,
                      const RunRecord& record, int64_t num_layers,
                      int64_t num_heads);

// Losses of the record by the file's word classes.
ClassLosses ReadClassLosses(const std::filesystem::path& path,
                            const RunRecord& record, int64_t num_layers,
                            int64_t num_heads);

}  // namespace plastometer
