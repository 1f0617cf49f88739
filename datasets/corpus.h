// Fetched text, and windows of tokens cut from it.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "datasets/document.h"
#include "datasets/tokenizer.h"
#include "datasets/word_class.h"

namespace plastometer {

// `split`: "train", "heldout" or "all". `data_folder` empty: DataFolder().
// Throws kUsage (no such source or split), kRefused (training text of a source
// whose licence does not allow it) and kInvalid (not fetched, or broken: says
// which command fetches it).
std::vector<Document> ReadSource(const std::string& source,
                                 const std::string& split,
                                 const std::filesystem::path& data_folder = {});
// Streams; stops when `document` returns false.
void ForEachDocument(const std::string& source, const std::string& split,
                     const std::function<bool(Document&&)>& document,
                     const std::filesystem::path& data_folder = {});

// At most `context` neighbouring tokens of one document, to be read with a
// fresh state.
struct Window {
  std::string source, domain, work, document;
  int64_t first_token = 0;
  std::vector<int32_t> ids;
  std::vector<int32_t> token_bytes;  // bytes of text of each id
  // Whether a token's loss counts, one a token; empty: all but the first.
  std::vector<uint8_t> scored = {};
  // Generated tasks: -ln p of each token under the task's exact law, NaN where
  // it has none (docs/synthetic.md). Empty: no such law.
  std::vector<double> floor_nats = {};
  // Generated tasks: a class a token. Empty: text tells.
  std::vector<WordClass> word_classes = {};
  // Windows that differ only in what was read before the scored tokens have
  // the same source, work and document, and each its condition.
  std::string condition = {};
};

// What a token of a window takes at least: its id and its bytes of text.
inline constexpr uint64_t kBytesPerToken = 8;

// What cutting left out.
struct CutReport {
  std::vector<std::string> dropped_documents;  // shorter than min_tokens
  // In them, and in remainders shorter than min_tokens.
  int64_t dropped_tokens = 0;
};

inline constexpr int64_t kMinTokens = 256;

// Neighbouring windows of `context_tokens`, at most `max_windows`; the document
// is read no further than it must. Its last may be shorter, down to
// `min_tokens`.
std::vector<Window> FirstWindows(const Document& document,
                                 const Tokenizer& tokenizer,
                                 int64_t context_tokens, int64_t min_tokens,
                                 int64_t max_windows,
                                 CutReport* report = nullptr);

struct EvaluationSet {
  std::vector<Window> windows;
  std::string sha256;              // WindowsSha256
  std::vector<std::string> notes;  // what was left out and why, for the report
};

// Identity of windows: source, document, first token and ids of each, in order;
// also what is scored and the condition, where they are set.
std::string WindowsSha256(const std::vector<Window>& windows);

// Held-out windows of every default source, up to `windows_per_domain` each,
// over as many works as possible: the first full window of each work (its
// longest window when it has no full one), then the second, and so on. Works
// are taken in the order of the SHA-256 of their names, so that a smaller set
// is part of a larger one and no alphabet decides.
EvaluationSet DefaultEvaluation(const Tokenizer& tokenizer,
                                int64_t context_tokens,
                                int64_t windows_per_domain,
                                const std::filesystem::path& data_folder = {});
// The same rule for sources of the caller's choice, and for their "train"
// split.
EvaluationSet SourceEvaluation(const std::vector<std::string>& sources,
                               const Tokenizer& tokenizer,
                               int64_t context_tokens,
                               int64_t windows_per_domain,
                               const std::filesystem::path& data_folder = {},
                               const std::string& split = "heldout");

}  // namespace plastometer
