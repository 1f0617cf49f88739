#include "harness/results/token_tables.h"

#include <charconv>
#include <cmath>
#include <cstdio>

#include "base/files.h"
#include "base/interrupt.h"
#include "base/lane.h"
#include "base/text.h"
#include "base/word_class.h"
#include "base/zstd_stream.h"

namespace plastometer {
namespace {

// Shortest text that reads back as the same number; empty for NaN.
template <class Number>
void Append(Number value, std::string& line) {
  line += ',';
  if constexpr (std::is_floating_point_v<Number>)
    if (std::isnan(value)) return;
  char text[32];
  line.append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

class Parts {
 public:
  Parts(std::filesystem::path folder, std::string prefix, std::string header,
        int64_t rows_of_a_part)
      : folder_(std::move(folder)),
        prefix_(std::move(prefix)),
        header_(std::move(header)),
        rows_of_a_part_(rows_of_a_part) {}

  void Add(const std::string& line) {
    text_ += line;
    if (++rows_ == rows_of_a_part_) Write();
  }
  int64_t Finish() {
    if (rows_ > 0 || parts_ == 0) Write();
    return parts_;
  }

 private:
  void Write() {
    ThrowIfInterrupted();
    char number[24];
    std::snprintf(number, sizeof number, "-%04lld",
                  static_cast<long long>(parts_++));
    WriteFile(folder_ / (prefix_ + number + ".csv.zst"),
              ZstdCompress(header_ + text_));
    text_.clear();
    rows_ = 0;
  }

  std::filesystem::path folder_;
  std::string prefix_, header_, text_;
  int64_t rows_of_a_part_, rows_ = 0, parts_ = 0;
};

// Mean over what was learned from: a frozen layer is passed over.
double MeanAt(const WindowStatistics& s, const std::vector<float>& values,
              int64_t t) {
  double sum = 0, count = 0;
  for (int64_t row = 0; row < s.L * s.H; ++row) {
    const float x = values[row * s.T + t];
    if (std::isnan(x)) continue;
    sum += x;
    count += 1;
  }
  return count > 0 ? sum / count : std::nan("");
}

}  // namespace

int64_t WriteTokenTables(const RunRecord& record,
                         const StatisticsFile* statistics,
                         const std::filesystem::path& folder,
                         const std::string& prefix, int64_t rows_of_a_part) {
  const bool fp64 = TraitsOf(record.lane).dtype == DType::kF64;
  std::string header = "window,position,scored";
  for (const ProfileRecord& p : record.profiles)
    header += "," + CsvCell("nll." + p.name);
  if (statistics)
    header += ",token_id,word_class,token_grad_norm,token_step,gate";
  Parts parts(folder, prefix, header + "\n", rows_of_a_part);
  std::string line;
  for (size_t w = 0; w < record.windows.size(); ++w) {
    const WindowRecord& window = record.windows[w];
    std::vector<bool> scored(static_cast<size_t>(window.num_tokens),
                             window.scored.empty());
    for (const auto& [begin, end] : window.scored)
      for (int64_t t = begin; t < end; ++t) scored[t] = true;
    WindowStatistics s;
    if (statistics) s = statistics->Read(w);
    for (int64_t t = 1; t < window.num_tokens; ++t) {
      line = std::to_string(w);
      Append(t, line);
      Append(int{scored[t]}, line);
      for (const ProfileRecord& p : record.profiles) {
        const double nll = p.nll[window.loss_begin + t - 1];
        fp64 ? Append(nll, line) : Append(static_cast<float>(nll), line);
      }
      if (statistics) {
        Append(s.token_ids[t], line);
        line += "," + WordClassName(static_cast<WordClass>(s.word_class[t]));
        for (const auto* values : {&s.token_grad_norm, &s.token_step, &s.gate})
          Append(static_cast<float>(MeanAt(s, *values, t)), line);
      }
      parts.Add(line + "\n");
    }
  }
  return parts.Finish();
}

}  // namespace plastometer
