// Which held-out windows a run scores when nobody says otherwise.
#include <algorithm>
#include <limits>
#include <map>

#include "base/error.h"
#include "base/files.h"
#include "base/sha256.h"
#include "datasets/corpus.h"
#include "datasets/sources.h"

namespace plastometer {
namespace fs = std::filesystem;
namespace {

// Hands out the windows of one work: full ones document by document, or its
// longest when none is full.
class WorkWindows {
 public:
  WorkWindows(std::vector<Document> documents, const Tokenizer& tokenizer,
              int64_t context_tokens)
      : documents_(std::move(documents)),
        tokenizer_(tokenizer),
        context_(context_tokens) {}

  // The `index`-th full window; false when the work has no more.
  bool Full(size_t index, Window* out) {
    while (windows_.size() <= index && next_ < documents_.size()) Grow();
    if (windows_.size() <= index) return false;
    *out = windows_[index];
    return true;
  }
  bool Longest(Window* out) const {
    if (longest_.ids.empty()) return false;
    *out = longest_;
    return true;
  }

 private:
  // One more window of the current document; the next document when it has no
  // further full one.
  void Grow() {
    const Document& d = documents_[next_];
    auto windows = FirstWindows(d, tokenizer_, context_,
                                std::min(kMinTokens, context_), ++taken_);
    const bool is_new = static_cast<int64_t>(windows.size()) == taken_;
    if (is_new && static_cast<int64_t>(windows.back().ids.size()) == context_) {
      windows_.push_back(std::move(windows.back()));
      return;
    }
    if (is_new && windows.back().ids.size() > longest_.ids.size())
      longest_ = std::move(windows.back());
    taken_ = 0;
    ++next_;
  }

  std::vector<Document> documents_;
  const Tokenizer& tokenizer_;
  int64_t context_;
  std::vector<Window> windows_;
  Window longest_;
  size_t next_ = 0;
  int64_t taken_ = 0;
};

std::vector<WorkWindows> WorksOf(const std::string& source,
                                 const Tokenizer& tokenizer,
                                 int64_t context_tokens,
                                 const fs::path& data_folder,
                                 const std::string& split) {
  std::map<std::string, std::vector<Document>> by_hash;
  ForEachDocument(
      source, split,
      [&](Document&& d) {
        by_hash[Sha256Hex(source + "/" + d.work)].push_back(std::move(d));
        return true;
      },
      data_folder);
  std::vector<WorkWindows> works;
  for (auto& [hash, documents] : by_hash)
    works.emplace_back(std::move(documents), tokenizer, context_tokens);
  return works;
}

// Round-robin: full windows first, then one short window of each work that has
// nothing else, then further full ones.
std::vector<Window> RoundRobin(std::vector<WorkWindows>* works, int64_t limit,
                               std::vector<std::string>* notes,
                               const std::string& source) {
  std::vector<Window> windows;
  const auto full = [&] {
    return static_cast<int64_t>(windows.size()) >= limit;
  };
  std::vector<WorkWindows*> without;
  Window window;
  for (auto& work : *works) {
    if (full()) return windows;
    work.Full(0, &window) ? windows.push_back(window)
                          : without.push_back(&work);
  }
  int64_t num_short = 0, num_dropped = 0;
  for (auto* work : without) {
    if (full()) break;
    work->Longest(&window) ? (windows.push_back(window), ++num_short)
                           : ++num_dropped;
  }
  if (num_short > 0)
    notes->push_back(source + ": " + std::to_string(num_short) +
                     " works have no full window; their longest is used");
  if (num_dropped > 0) {
    notes->push_back(source + ": " + std::to_string(num_dropped) +
                     " works dropped, no document of " +
                     std::to_string(kMinTokens) + " tokens");
  }
  for (size_t round = 1, before = 0; !full() && windows.size() != before;
       ++round) {
    before = windows.size();
    for (auto& work : *works) {
      if (!full() && work.Full(round, &window)) windows.push_back(window);
    }
  }
  return windows;
}

}  // namespace

EvaluationSet SourceEvaluation(const std::vector<std::string>& sources,
                               const Tokenizer& tokenizer,
                               int64_t context_tokens,
                               int64_t windows_per_domain,
                               const fs::path& data_folder,
                               const std::string& split) {
  if (windows_per_domain < 1)
    throw UsageError("at least one window of each domain is needed");
  const fs::path folder = data_folder.empty() ? DataFolder() : data_folder;
  EvaluationSet set;
  for (const std::string& source : sources) {
    auto works = WorksOf(source, tokenizer, context_tokens, folder, split);
    auto windows = RoundRobin(&works, windows_per_domain, &set.notes, source);
    if (windows.empty()) {
      throw InvalidError(source + ": no window of its " + split + " split of " +
                         std::to_string(context_tokens) + " tokens");
    }
    std::move(windows.begin(), windows.end(), std::back_inserter(set.windows));
  }
  set.sha256 = WindowsSha256(set.windows);
  return set;
}

EvaluationSet DefaultEvaluation(const Tokenizer& tokenizer,
                                int64_t context_tokens,
                                int64_t windows_per_domain,
                                const fs::path& data_folder) {
  std::vector<std::string> sources;
  for (const Source& s : Sources()) {
    if (s.in_default) sources.push_back(s.name);
  }
  return SourceEvaluation(sources, tokenizer, context_tokens,
                          windows_per_domain, data_folder);
}

}  // namespace plastometer
