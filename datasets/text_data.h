// The user's own text: a file, a folder, or JSON lines in the Pile's format.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "datasets/corpus.h"

namespace plastometer {

// What a path is, by its name:
//   a folder             every file below it, sorted; each file a document and
//   a work (names that start with '.' skipped)
//   *.jsonl, *.jsonl.zst one document a line: `text`, and `meta.pile_set_name`
//   as its domain if it is there; each a work anything else        one text
// Streams documents in order; stops when `document` returns false. Throws
// kInvalid naming file, line or byte: missing, unreadable, empty, not UTF-8,
// broken zstd, a line without `text`.
void ForEachTextDocument(const std::filesystem::path& path,
                         const std::function<bool(Document&&)>& document);

// By its name: one document a line.
bool IsJsonLines(const std::filesystem::path& path);

struct TextDataOptions {
  std::vector<std::string> domains;  // empty: all
  // Of JSON lines: the first that are long enough.
  int64_t documents_per_domain = 32;
  // Shorter documents are left out, counted and named; at least 2.
  int64_t min_tokens = kMinTokens;
  int64_t windows_per_document = 0;  // the first ones; 0: all
};

// Throws kInvalid when nothing is left to score, and what ForEachTextDocument
// throws.
EvaluationSet LoadTextData(const std::filesystem::path& path,
                           const Tokenizer& tokenizer, int64_t context_tokens,
                           const TextDataOptions& options = {});

}  // namespace plastometer
