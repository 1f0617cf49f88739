#include "datasets/corpus.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>

#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/sha256.h"
#include "datasets/sources.h"
#include "datasets/store.h"

namespace plastometer {
namespace fs = std::filesystem;
namespace {

void CheckAccess(const Source& source, const std::string& split,
                 const fs::path& data_folder) {
  if (split != "train" && split != "heldout" && split != "all") {
    throw UsageError("no split is called \"" + split +
                     "\"; expected train, heldout or all");
  }
  if (split == "train" && !source.training_allowed) {
    throw RefusedError(source.name + " is for evaluation only (" +
                       source.licence + "); ask for its heldout text");
  }
  if (!FindStoredText(data_folder, source)) {
    throw InvalidError(
        "the text of " + source.name + " is not in " +
        (data_folder / "text").string() +
        " (or is of another version); run `plastometer data fetch " +
        source.name + "`");
  }
}

Document ParseLine(std::string_view line, const Source& source,
                   const std::string& where, std::string* split) {
  const nlohmann::json j = ParseJson(line, where);
  try {
    *split = j.at("split");
    return {source.name, j.at("domain"), j.at("work"), j.at("id"),
            j.at("text")};
  } catch (const nlohmann::json::exception& e) {
    throw InvalidError(where + ": " + e.what() +
                       "; delete the file and fetch the source again");
  }
}

// Encodes a document piece by piece, each up to a newline, so that its first
// windows cost no more than they must.
class LazyEncoder {
 public:
  LazyEncoder(const Document& document, const Tokenizer& tokenizer)
      : text_(document.text),
        tokenizer_(tokenizer),
        name_(document.source + "/" + document.id) {}

  // Until `tokens` tokens are known or the text ends. The first `tokens` are
  // then final.
  void Reach(int64_t tokens) {
    while (at_ < text_.size() &&
           static_cast<int64_t>(encoding.ids.size()) < tokens) {
      const int64_t missing =
          tokens - static_cast<int64_t>(encoding.ids.size());
      Step(static_cast<size_t>(std::min<int64_t>(missing, 1 << 20)) * 4);
    }
  }
  bool AtEnd() const { return at_ >= text_.size(); }

  Encoding encoding;

 private:
  void Step(size_t bytes) {
    size_t end = text_.size();
    if (tokenizer_.SplitsAtNewline() && bytes < text_.size() - at_) {
      const size_t nl = text_.find('\n', at_ + bytes);
      if (nl != std::string::npos) end = nl + 1;
    }
    const std::string_view piece =
        std::string_view(text_).substr(at_, end - at_);
    Encoding next = at_ == 0 ? tokenizer_.EncodeWithBytes(piece, name_)
                             : tokenizer_.EncodeContinuation(piece, name_);
    encoding.ids.insert(encoding.ids.end(), next.ids.begin(), next.ids.end());
    encoding.bytes.insert(encoding.bytes.end(), next.bytes.begin(),
                          next.bytes.end());
    at_ = end;
  }

  const std::string& text_;
  const Tokenizer& tokenizer_;
  std::string name_;
  size_t at_ = 0;
};

Window MakeWindow(const Document& d, const Encoding& e, int64_t first,
                  int64_t count) {
  Window w;
  w.source = d.source;
  w.domain = d.domain;
  w.work = d.work;
  w.document = d.id;
  w.first_token = first;
  w.ids.assign(e.ids.begin() + first, e.ids.begin() + first + count);
  w.token_bytes.assign(e.bytes.begin() + first,
                       e.bytes.begin() + first + count);
  return w;
}

}  // namespace

void ForEachDocument(const std::string& name, const std::string& split,
                     const std::function<bool(Document&&)>& document,
                     const fs::path& data_folder) {
  const fs::path folder = data_folder.empty() ? DataFolder() : data_folder;
  const Source& source = FindSource(name);
  CheckAccess(source, split, folder);
  const fs::path path = TextFile(folder, name);
  ForEachZstdLine(path, [&](std::string_view line, int64_t number) {
    std::string found;
    Document d =
        ParseLine(line, source,
                  path.string() + " line " + std::to_string(number), &found);
    return (split != "all" && split != found) || document(std::move(d));
  });
}

std::vector<Document> ReadSource(const std::string& source,
                                 const std::string& split,
                                 const fs::path& data_folder) {
  std::vector<Document> documents;
  auto keep = [&](Document&& d) {
    documents.push_back(std::move(d));
    return true;
  };
  ForEachDocument(source, split, keep, data_folder);
  return documents;
}

std::vector<Window> FirstWindows(const Document& document,
                                 const Tokenizer& tokenizer,
                                 int64_t context_tokens, int64_t min_tokens,
                                 int64_t max_windows, CutReport* report) {
  if (context_tokens < 2 || min_tokens < 1)
    throw UsageError("a window needs at least 2 tokens");
  std::vector<Window> windows;
  LazyEncoder encoder(document, tokenizer);
  int64_t first = 0;
  for (; static_cast<int64_t>(windows.size()) < max_windows;
       first += context_tokens) {
    ThrowIfInterrupted();
    encoder.Reach(first + context_tokens);
    const int64_t left =
        static_cast<int64_t>(encoder.encoding.ids.size()) - first;
    const int64_t count = std::min(left, context_tokens);
    if (count < std::min(min_tokens, context_tokens)) break;
    windows.push_back(MakeWindow(document, encoder.encoding, first, count));
  }
  if (report && static_cast<int64_t>(windows.size()) < max_windows) {
    report->dropped_tokens += std::max<int64_t>(
        0, static_cast<int64_t>(encoder.encoding.ids.size()) - first);
    if (windows.empty()) report->dropped_documents.push_back(document.id);
  }
  return windows;
}

std::string WindowsSha256(const std::vector<Window>& windows) {
  Sha256 sha;
  for (const Window& w : windows) {
    sha.Update(w.source + "\n" + w.document + "\n" +
               std::to_string(w.first_token) + "\n" +
               std::to_string(w.ids.size()) + "\n");
    std::string bytes;  // little-endian 32-bit ids
    for (int32_t id : w.ids) {
      for (int shift = 0; shift < 32; shift += 8)
        bytes += static_cast<char>(static_cast<uint32_t>(id) >> shift & 0xFF);
    }
    sha.Update(bytes);
    if (!w.scored.empty()) sha.Update(std::as_bytes(std::span(w.scored)));
    if (!w.condition.empty()) sha.Update("\n" + w.condition + "\n");
  }
  return sha.HexDigest();
}

}  // namespace plastometer
