#include "harness/run/write_statistics.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/lane.h"
#include "base/safetensors.h"
#include "base/sha256.h"
#include "datasets/tokenizer.h"
#include "datasets/word_class.h"
#include "harness/results/statistics_file.h"
#include "harness/run/inputs.h"
#include "harness/run/measure.h"

namespace plastometer {

namespace {

// [rows, columns of each window] -> [rows, columns of the file], the rest NaN.
std::vector<float> Padded(const float* values, int64_t rows, int64_t columns,
                          int64_t file_columns) {
  std::vector<float> padded(static_cast<size_t>(rows * file_columns),
                            std::numeric_limits<float>::quiet_NaN());
  for (int64_t r = 0; r < rows; ++r)
    std::copy_n(values + r * columns, columns,
                padded.begin() + r * file_columns);
  return padded;
}

class Writer {
 public:
  Writer(const Model& model, const LoadedGroup& group, size_t profile,
         const std::filesystem::path& path)
      : windows_(group.data.windows),
        profile_(group.profiles.profiles[profile].profile),
        L_(model.config().num_layers),
        H_(model.config().num_heads),
        tokenizer_(group.spec.data.task.empty()
                       ? ResolveTokenizer(group.spec.tokenizer,
                                          group.choice.file, group.config)
                       : nullptr),
        metadata_({{"model_sha256", group.record.model_sha256},
                   {"data_sha256", group.record.data_sha256},
                   {"lane", group.record.lane},
                   {"profile", profile_.name()},
                   {"word_class", ClassNames()},
                   {"windows",
                    "in the order of windows.csv; shorter ones are "
                    "filled up with NaN, ids with -1"}}),
        writer_(path, Layout(), metadata_) {
    PutShared();
  }

  void AddBatch(const Batch& batch, const ForwardResult& result) {
    TensorMap floats;
    for (const auto& [name, array] : result.statistics)
      floats[name] =
          array.dtype == DType::kF32 ? array : Convert(array, DType::kF32);
    for (size_t b = 0; b < batch.window_idx.size(); ++b) {
      const auto w = static_cast<int64_t>(batch.window_idx[b]);
      hash_.emplace();
      hash_->Update(shared_sha256_);
      AddArrays(w, static_cast<int64_t>(b), batch.num_tokens, floats);
      AddTokens(w, {result.nll.data() + b * result.num_losses,
                    static_cast<size_t>(result.num_losses)});
      const std::string sha256 = hash_->HexDigest();
      writer_.WritePart(kWindowSha256, static_cast<uint64_t>(w) * sha256.size(),
                        std::as_bytes(std::span(sha256)));
    }
  }

  void Commit() { writer_.Commit(); }

 private:
  // What is of no window: part of the hash of each.
  void PutShared() {
    std::vector<int64_t> tokens;
    for (const Window& w : windows_)
      tokens.push_back(static_cast<int64_t>(w.ids.size()));
    std::vector<int32_t> layers;
    std::vector<float> lambda;
    for (int64_t l = 0; l < L_; ++l) {
      layers.push_back(static_cast<int32_t>(l));
      for (int64_t m = 0; m < M_; ++m)
        lambda.push_back(static_cast<float>(profile_.Lambda(l, m)));
    }
    hash_.emplace();
    for (const auto& [key, value] : metadata_)
      hash_->Update(key + "\n" + value + "\n");
    Put("lambda", 0, lambda);
    Put("layer_indices", 0, layers);
    Put("window_tokens", 0, tokens);
    shared_sha256_ = hash_->HexDigest();
  }

  std::map<std::string, TensorInfo> Layout() {
    for (const Window& w : windows_)
      T_ = std::max(T_, static_cast<int64_t>(w.ids.size()));
    M_ = T_ / kMiniBatchTokens;
    const auto W = static_cast<int64_t>(windows_.size());
    std::map<std::string, TensorInfo> layout = {
        {"loss", {DType::kF32, {W, T_}}},
        {"token_ids", {DType::kI32, {W, T_}}},
        {"word_class", {DType::kU8, {W, T_}}},
        {"window_tokens", {DType::kI64, {W}}},
        {"layer_indices", {DType::kI32, {L_}}},
        {"lambda", {DType::kF32, {L_, M_}}},
        {kWindowSha256, {DType::kU8, {W, kSha256Digits}}}};
    for (const char* name : kStatisticsByMiniBatch)
      layout[name] = {DType::kF32, {W, L_, H_, M_}};
    for (const char* name : kStatisticsByToken)
      layout[name] = {DType::kF32, {W, L_, H_, T_}};
    return layout;
  }

  static std::string ClassNames() {
    std::string names;
    for (int c = 0; c < kNumWordClasses; ++c)
      names += (c == 0 ? "" : ", ") + std::to_string(c) + " " +
               WordClassName(static_cast<WordClass>(c));
    return names;
  }

  template <class T>
  void Put(const std::string& name, int64_t begin,
           const std::vector<T>& values) {
    const auto bytes = std::as_bytes(std::span(values));
    hash_->Update(bytes);
    writer_.WritePart(name, static_cast<uint64_t>(begin) * sizeof(T), bytes);
  }

  // Of window `w`, the `b`-th of its batch.
  void AddArrays(int64_t w, int64_t b, int64_t num_tokens,
                 const TensorMap& floats) {
    const auto add = [&](const char* name, int64_t columns,
                         int64_t file_columns) {
      Put(name, w * L_ * H_ * file_columns,
          Padded(floats.at(name).As<float>() + b * L_ * H_ * columns, L_ * H_,
                 columns, file_columns));
    };
    for (const char* name : kStatisticsByMiniBatch)
      add(name, num_tokens / kMiniBatchTokens, M_);
    for (const char* name : kStatisticsByToken) add(name, num_tokens, T_);
  }

  std::vector<WordClass> Classes(const Window& window) const {
    if (!tokenizer_) return window.word_classes;  // ids without text
    std::vector<std::string> pieces;
    for (const int32_t id : window.ids)
      pieces.push_back(tokenizer_->TokenText(id));
    return ClassifyWords(pieces, KindOfDomain(window.domain));
  }

  void AddTokens(int64_t w, std::span<const double> nll) {
    const Window& window = windows_[static_cast<size_t>(w)];
    std::vector<uint8_t> classes;
    for (const WordClass c : Classes(window))
      classes.push_back(static_cast<uint8_t>(c));
    std::vector<float> loss(static_cast<size_t>(T_),
                            std::numeric_limits<float>::quiet_NaN());
    std::copy(nll.begin(), nll.end(), loss.begin() + 1);
    std::vector<int32_t> ids = window.ids;
    ids.resize(static_cast<size_t>(T_), -1);
    classes.resize(static_cast<size_t>(T_), 0);
    const int64_t begin = w * T_;
    Put("loss", begin, loss);
    Put("token_ids", begin, ids);
    Put("word_class", begin, classes);
  }

  const std::vector<Window>& windows_;
  const Profile& profile_;
  int64_t L_, H_, T_ = 0, M_ = 0;
  std::unique_ptr<Tokenizer> tokenizer_;
  const std::map<std::string, std::string> metadata_;
  SafetensorsWriter writer_;
  std::optional<Sha256> hash_;  // of what is being put
  std::string shared_sha256_;
};

// In a lane that promises bits a second pass has the losses of the first.
void CheckLosses(const LoadedGroup& group, const Batch& batch,
                 const ForwardResult& result,
                 const std::vector<double>& losses) {
  if (!TraitsOf(group.lane).promises_bits()) return;
  for (size_t b = 0; b < batch.window_idx.size(); ++b) {
    const size_t w = batch.window_idx[b];
    const auto n = static_cast<size_t>(result.num_losses);
    if (std::memcmp(result.nll.data() + b * n,
                    losses.data() + group.record.windows[w].loss_begin,
                    n * sizeof(double)) != 0)
      throw InternalError("window " + std::to_string(w) +
                          " has other losses when statistics are taken");
  }
}

}  // namespace

void WriteStatistics(const Model& model, const LoadedGroup& group,
                     size_t profile, const std::vector<double>& losses,
                     const std::filesystem::path& path,
                     const std::function<void(int64_t, int64_t)>& progress) {
  Writer writer(model, group, profile, path);
  const std::vector<Batch> batches =
      BatchesOf(group.data.windows, group.spec.batch_size);
  for (size_t i = 0; i < batches.size(); ++i) {
    ThrowIfInterrupted();
    const std::vector<int32_t> ids = BatchIds(group.data.windows, batches[i]);
    ForwardOptions options;
    options.statistics = StatisticsMode::kOn;
    const ForwardResult result =
        model.Score(ids, static_cast<int64_t>(batches[i].window_idx.size()),
                    group.profiles.profiles[profile].profile, options);
    CheckLosses(group, batches[i], result, losses);
    writer.AddBatch(batches[i], result);
    progress(static_cast<int64_t>(i + 1), static_cast<int64_t>(batches.size()));
  }
  writer.Commit();
}

}  // namespace plastometer
