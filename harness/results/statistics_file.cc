#include "harness/results/statistics_file.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/lane.h"
#include "base/sha256.h"
#include "base/word_class.h"

namespace plastometer {
StatisticsFile::StatisticsFile(const std::filesystem::path& path,
                               const RunRecord& record, int64_t num_layers,
                               int64_t num_heads)
    : file_(path), record_(record), L_(num_layers), H_(num_heads) {
  const auto W = static_cast<int64_t>(record.windows.size());
  for (const WindowRecord& w : record.windows) T_ = std::max(T_, w.num_tokens);
  M_ = T_ / kMiniBatchTokens;
  const auto expect = [&](const std::string& name, DType dtype,
                          const std::vector<int64_t>& shape) {
    const auto found = file_.tensors().find(name);
    if (found == file_.tensors().end())
      throw InvalidError(path.string() + " has no array '" + name +
                         "'; expected what 'plastometer run --stats' writes "
                         "(delete the file, and 'plastometer run --resume' "
                         "makes it anew)");
    if (found->second.dtype != dtype || found->second.shape != shape)
      throw InvalidError(path.string() + ": " + name + " is " +
                         DTypeName(found->second.dtype) + " " +
                         ShapeText(found->second.shape) + ", expected " +
                         DTypeName(dtype) + " " + ShapeText(shape));
  };
  for (const char* name : kStatisticsByMiniBatch)
    expect(name, DType::kF32, {W, L_, H_, M_});
  for (const char* name : kStatisticsByToken)
    expect(name, DType::kF32, {W, L_, H_, T_});
  expect("loss", DType::kF32, {W, T_});
  expect("token_ids", DType::kI32, {W, T_});
  expect("word_class", DType::kU8, {W, T_});
  expect("lambda", DType::kF32, {L_, M_});
  expect("layer_indices", DType::kI32, {L_});
  expect("window_tokens", DType::kI64, {W});
  expect(kWindowSha256, DType::kU8, {W, kSha256Digits});
  const auto sha256 = file_.metadata().find("data_sha256");
  if (sha256 == file_.metadata().end() || sha256->second != record.data_sha256)
    throw InvalidError(
        path.string() + " is of other windows than the run's: data_sha256 " +
        (sha256 == file_.metadata().end() ? "is missing" : sha256->second) +
        ", expected " + record.data_sha256);
  const auto name = file_.metadata().find("profile");
  profile_ = name == file_.metadata().end() ? "" : name->second;
  if (TraitsOf(record.lane).promises_bits())
    profile_idx_ = FindProfile(record, profile_);
  for (const WindowRecord& w : record.windows)
    window_tokens_.push_back(w.num_tokens);
  checked_.resize(record.windows.size());
  shared_sha256_ = HashOfShared();
}

std::string StatisticsFile::HashOfShared() const {
  Sha256 hash;
  for (const auto& [key, value] : file_.metadata())
    hash.Update(key + "\n" + value + "\n");
  for (const char* name : {"lambda", "layer_indices", "window_tokens"})
    hash.Update(file_.Bytes(name));
  return hash.HexDigest();
}

std::string StatisticsFile::HashOf(size_t window) const {
  Sha256 hash;
  hash.Update(shared_sha256_);
  const auto add = [&](const char* name) {
    const std::span<const std::byte> all = file_.Bytes(name);
    const size_t size = all.size() / checked_.size();
    hash.Update(all.subspan(window * size, size));
  };
  for (const char* name : kStatisticsByMiniBatch) add(name);
  for (const char* name : kStatisticsByToken) add(name);
  for (const char* name : {"loss", "token_ids", "word_class"}) add(name);
  return hash.HexDigest();
}

void StatisticsFile::CheckHash(size_t window) const {
  if (checked_[window]) return;
  const TensorInfo& hashes = file_.tensors().at(kWindowSha256);
  const auto begin = window * static_cast<size_t>(kSha256Digits);
  const auto digits = file_.Bytes(kWindowSha256).subspan(begin, kSha256Digits);
  const std::string said(reinterpret_cast<const char*>(digits.data()),
                         digits.size());
  if (const std::string met = HashOf(window); met != said)
    throw InvalidError(file_.path().string() + ": SHA-256 of window " +
                       std::to_string(window) + " is " + met +
                       "; expected what stands at byte " +
                       std::to_string(hashes.begin + begin) +
                       ": changed since it was written");
  checked_[window] = true;
  file_.Release();  // all of the window was touched
}

Error StatisticsFile::Wrong(const std::string& array, size_t window,
                            int64_t token, const std::string& met,
                            const std::string& expected) const {
  return InvalidError(file_.path().string() + ": " + array + " of window " +
                      std::to_string(window) + ", token " +
                      std::to_string(token) + ", is " + met + "; expected " +
                      expected);
}

// The first `kept` of each row's `columns`.
template <class T>
std::vector<T> StatisticsFile::Part(const std::string& name, size_t window,
                                    int64_t rows, int64_t columns,
                                    int64_t kept) const {
  const std::span<const std::byte> bytes = file_.Bytes(name);
  std::vector<T> values(static_cast<size_t>(rows * kept));
  for (int64_t r = 0; r < rows; ++r)
    std::memcpy(values.data() + r * kept,
                bytes.data() + (static_cast<size_t>(window) * rows + r) *
                                   columns * sizeof(T),
                static_cast<size_t>(kept) * sizeof(T));
  return values;
}

WindowStatistics StatisticsFile::Read(size_t window) const {
  WindowStatistics s;
  s.L = L_, s.H = H_, s.T = window_tokens_[window];
  s.M = s.T / kMiniBatchTokens;
  const std::vector<float> loss = Losses(window);
  s.loss.assign(loss.begin(), loss.end());
  s.token_ids = TokenIds(window);
  s.word_class = WordClasses(window);
  s.grad_norm = Part<float>("grad_norm", window, L_ * H_, M_, s.M);
  s.update_norm = Part<float>("update_norm", window, L_ * H_, M_, s.M);
  s.relative_update = Part<float>("relative_update", window, L_ * H_, M_, s.M);
  s.token_grad_norm = Part<float>("token_grad_norm", window, L_ * H_, T_, s.T);
  s.token_step = Part<float>("token_step", window, L_ * H_, T_, s.T);
  s.gate = Part<float>("gate", window, L_ * H_, T_, s.T);
  file_.Release();
  return s;
}

std::vector<float> StatisticsFile::Losses(size_t window) const {
  CheckHash(window);
  const int64_t T = window_tokens_[window];
  std::vector<float> losses = Part<float>("loss", window, 1, T_, T);
  if (!profile_idx_) return losses;
  const double* nll = record_.profiles[*profile_idx_].nll.data() +
                      record_.windows[window].loss_begin;
  for (int64_t t = 1; t < T; ++t) {
    const auto expected = static_cast<float>(nll[t - 1]);
    const float met = losses[static_cast<size_t>(t)];
    if (met != expected && !(std::isnan(met) && std::isnan(expected)))
      throw Wrong("loss", window, t, std::to_string(met),
                  std::to_string(expected) + " as the journal has it");
  }
  return losses;
}

std::vector<int32_t> StatisticsFile::TokenIds(size_t window) const {
  CheckHash(window);
  const int64_t T = window_tokens_[window];
  std::vector<int32_t> ids = Part<int32_t>("token_ids", window, 1, T_, T);
  for (int64_t t = 0; t < T; ++t)
    if (ids[static_cast<size_t>(t)] < 0)
      throw Wrong("token_ids", window, t,
                  std::to_string(ids[static_cast<size_t>(t)]),
                  "an id from 0 on");
  return ids;
}

std::vector<uint8_t> StatisticsFile::WordClasses(size_t window) const {
  CheckHash(window);
  const int64_t T = window_tokens_[window];
  std::vector<uint8_t> classes = Part<uint8_t>("word_class", window, 1, T_, T);
  for (int64_t t = 0; t < T; ++t)
    if (classes[static_cast<size_t>(t)] >= kNumWordClasses)
      throw Wrong("word_class", window, t,
                  std::to_string(classes[static_cast<size_t>(t)]),
                  "at most " + std::to_string(kNumWordClasses - 1));
  return classes;
}

ClassLosses ReadClassLosses(const std::filesystem::path& path,
                            const RunRecord& record, int64_t num_layers,
                            int64_t num_heads) {
  const StatisticsFile file(path, record, num_layers, num_heads);
  ClassLosses losses(record);
  for (size_t w = 0; w < record.windows.size(); ++w)
    losses.Add(record, w, file.WordClasses(w));
  return losses;
}

Learning ReadLearning(const std::filesystem::path& path,
                      const RunRecord& record, int64_t num_layers,
                      int64_t num_heads) {
  const StatisticsFile file(path, record, num_layers, num_heads);
  std::map<int32_t, int64_t> counts;
  for (size_t w = 0; w < record.windows.size(); ++w)
    for (const int32_t id : file.TokenIds(w)) ++counts[id];
  std::vector<std::string> names;
  for (int c = 0; c < kNumWordClasses; ++c)
    names.push_back(WordClassName(static_cast<WordClass>(c)));
  LearningSummary summary(record, file.profile(), counts, names);
  for (size_t w = 0; w < record.windows.size(); ++w) {
    ThrowIfInterrupted();
    summary.Add(w, file.Read(w));
  }
  return summary.Finish();
}

}  // namespace plastometer
