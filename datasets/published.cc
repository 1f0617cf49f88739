#include "datasets/published.h"

#include <algorithm>
#include <limits>
#include <map>

#include "base/error.h"
#include "base/sha256.h"
#include "datasets/sources.h"

namespace plastometer {
namespace fs = std::filesystem;
namespace {

struct Stream {
  std::string source, domain;
  int64_t num_documents = 0;
  std::vector<int32_t> ids, bytes;
};

class Joiner {
 public:
  // `max_windows` 0: all.
  Joiner(const Tokenizer& tokenizer, int64_t context_tokens,
         int64_t max_windows)
      : tokenizer_(tokenizer),
        context_(context_tokens),
        max_windows_(max_windows > 0 ? max_windows
                                     : std::numeric_limits<int64_t>::max()) {
    if (context_tokens < 2)
      throw UsageError("a window needs a context of at least 2 tokens");
  }

  int64_t NumDocuments(const std::string& domain) const {
    int64_t count = 0;
    for (const Stream& s : streams_)
      if (s.domain == domain) count += s.num_documents;
    return count;
  }

  void Add(const Document& d) {
    Stream& s = StreamOf(d);
    if (NumWindows(s) >= max_windows_) return;
    ++s.num_documents;
    const Encoding e =
        tokenizer_.EncodeWithBytes(d.text, d.source + "/" + d.id);
    Mark(tokenizer_.bos_id(), s);
    s.ids.insert(s.ids.end(), e.ids.begin(), e.ids.end());
    s.bytes.insert(s.bytes.end(), e.bytes.begin(), e.bytes.end());
    if (!d.text.empty()) Mark(tokenizer_.eos_id(), s);
  }

  EvaluationSet Finish(const std::string& what) {
    EvaluationSet set;
    int64_t num_left = 0, num_masked = 0, num_documents = 0, longest = 0;
    for (const Stream& s : streams_) {
      const int64_t n = std::min(NumWindows(s), max_windows_);
      if (n < max_windows_)
        num_left += static_cast<int64_t>(s.ids.size()) - (n * context_ + 1);
      for (int64_t i = 0; i < n; ++i)
        set.windows.push_back(Cut(s, i * context_, &num_masked));
      num_documents += s.num_documents;
      longest = std::max(longest, static_cast<int64_t>(s.ids.size()));
    }
    if (set.windows.empty())
      throw InvalidError(what + ": no stream of documents fills a window of " +
                         std::to_string(context_) +
                         " tokens and one more as the last target (the "
                         "longest has " +
                         std::to_string(longest) + " tokens)");
    set.sha256 = WindowsSha256(set.windows);
    set.notes = Notes(num_documents, num_masked, num_left);
    return set;
  }

 private:
  Stream& StreamOf(const Document& d) {
    const auto [at, is_new] =
        index_.try_emplace({d.source, d.domain}, streams_.size());
    if (is_new) streams_.push_back({d.source, d.domain, 0, {}, {}});
    return streams_[at->second];
  }

  static void Mark(int32_t id, Stream& s) {
    if (id < 0) return;  // the tokenizer has none
    s.ids.push_back(id);
    s.bytes.push_back(0);
  }

  int64_t NumWindows(const Stream& s) const {
    return (static_cast<int64_t>(s.ids.size()) - 1) / context_;
  }

  Window Cut(const Stream& s, int64_t first, int64_t* num_masked) const {
    Window w;
    w.source = s.source;
    w.domain = s.domain;
    w.work = w.document = "stream";
    w.first_token = first;
    const auto part = [&](const std::vector<int32_t>& all) {
      return std::vector<int32_t>(all.begin() + first,
                                  all.begin() + first + context_ + 1);
    };
    w.ids = part(s.ids);
    w.token_bytes = part(s.bytes);
    const int32_t bos = tokenizer_.bos_id();
    const auto masked = std::count(w.ids.begin() + 1, w.ids.end(), bos);
    if (masked > 0) {
      for (const int32_t id : w.ids) w.scored.push_back(id != bos);
      w.scored.front() = 0;
    }
    *num_masked += masked;
    return w;
  }

  std::vector<std::string> Notes(int64_t num_documents, int64_t num_masked,
                                 int64_t num_left) const {
    return {"published protocol: " + std::to_string(num_documents) +
            " documents joined into " + std::to_string(streams_.size()) +
            (streams_.size() == 1 ? " stream, " : " streams, ") +
            (tokenizer_.bos_id() >= 0
                 ? "begin-of-text before each; "
                 : "nothing between them (the tokenizer has no marks); ") +
            "windows of " + std::to_string(context_) +
            " tokens read, a target after each; " + std::to_string(num_masked) +
            " targets that are begin-of-text not scored, " +
            std::to_string(num_left) +
            " tokens at the ends left out. A stream is one work: its windows "
            "share documents"};
  }

  const Tokenizer& tokenizer_;
  const int64_t context_, max_windows_;
  std::map<std::pair<std::string, std::string>, size_t> index_;
  std::vector<Stream> streams_;
};

bool Wanted(const std::vector<std::string>& domains,
            const std::string& domain) {
  return domains.empty() || std::ranges::find(domains, domain) != domains.end();
}

std::vector<std::string> NamesOf(const std::vector<std::string>& sources) {
  if (sources != std::vector<std::string>{"default"}) return sources;
  std::vector<std::string> names;
  for (const Source& s : Sources())
    if (s.in_default) names.push_back(s.name);
  return names;
}

}  // namespace

EvaluationSet PublishedText(const fs::path& path, const Tokenizer& tokenizer,
                            int64_t context_tokens,
                            const TextDataOptions& options) {
  Joiner joiner(tokenizer, context_tokens, options.windows_per_document);
  const bool limited = IsJsonLines(path);
  ForEachTextDocument(path, [&](Document&& d) {
    const bool more = !limited || joiner.NumDocuments(d.domain) <
                                      options.documents_per_domain;
    if (more && Wanted(options.domains, d.domain)) joiner.Add(d);
    return true;
  });
  return joiner.Finish(path.string());
}

EvaluationSet PublishedSources(const std::vector<std::string>& sources,
                               const Tokenizer& tokenizer,
                               int64_t context_tokens, int64_t windows,
                               const fs::path& data_folder) {
  Joiner joiner(tokenizer, context_tokens, windows);
  for (const std::string& source : NamesOf(sources)) {
    std::map<std::string, std::vector<Document>> by_hash;
    for (Document& d : ReadSource(source, "heldout", data_folder))
      by_hash[Sha256Hex(source + "/" + d.work)].push_back(std::move(d));
    for (const auto& [hash, documents] : by_hash)
      for (const Document& d : documents) joiner.Add(d);
  }
  return joiner.Finish("held-out text");
}

}  // namespace plastometer
