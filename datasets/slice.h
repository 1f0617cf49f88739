// A slice pins windows: which documents, which tokens of them, under which
// tokenizer, and the SHA-256 of the ids.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "datasets/corpus.h"

namespace plastometer {

struct Slice {
  struct Piece {
    std::string source, document;
    int64_t first_token = 0, num_tokens = 0;
  };
  // Name of the user's file or folder; empty: fetched sources.
  std::string data;
  std::string tokenizer_sha256;
  int64_t context_tokens = 0;
  std::vector<Piece> pieces;
  std::string ids_sha256;
};

// `data`: the path given to LoadTextData; empty for fetched sources.
Slice MakeSlice(const EvaluationSet& set, const Tokenizer& tokenizer,
                int64_t context_tokens, const std::filesystem::path& data = {});
void WriteSlice(const Slice& slice, const std::filesystem::path& path);
// Throws kInvalid naming the file and the key.
Slice LoadSlice(const std::filesystem::path& path);

struct SliceInputs {
  // The user's file or folder; empty: fetched sources.
  std::filesystem::path data;
  std::filesystem::path data_folder;  // empty: DataFolder()
};

// The windows again, checked: throws kInvalid when the tokenizer is another
// one, a document is gone or too short, or the ids are not those that were
// pinned.
EvaluationSet ReadSlice(const Slice& slice, const Tokenizer& tokenizer,
                        const SliceInputs& inputs = {});

}  // namespace plastometer
