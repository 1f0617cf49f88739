// The windows of the published evaluation (ttt-lm-jax, lm_dataset.py and
// language_modeling_hf.py): documents joined into one stream, cut without
// regard to their borders.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "datasets/corpus.h"
#include "datasets/text_data.h"

namespace plastometer {

// The documents of one domain of one source make a stream: each between
// begin-of-text and end-of-text, as far as the tokenizer has them; an empty one
// is its begin alone. With C context tokens, window i holds the stream's tokens
// [iC, iC + C]: C are read, with a fresh state, and the C after the first are
// targets, so that every token of the stream but the first is one exactly once.
// A target that is begin-of-text is not scored; one that is end-of-text is, and
// has 0 bytes. What does not fill a window at the end is left out (a note).
//
// Neighbouring windows share documents, and a window holds several works, so a
// window is no independent work: work and document of each is its stream,
// "stream". With few streams there are no intervals.

// The user's text. `options`: domains and documents as in LoadTextData; no
// document is too short; windows_per_document: of each stream. Throws kUsage,
// kInvalid (no stream fills a window).
EvaluationSet PublishedText(const std::filesystem::path& path,
                            const Tokenizer& tokenizer, int64_t context_tokens,
                            const TextDataOptions& options = {});

// Held-out text of fetched sources, works in the order of SourceEvaluation;
// {"default"} are the default ones. `windows`: of each stream.
EvaluationSet PublishedSources(const std::vector<std::string>& sources,
                               const Tokenizer& tokenizer,
                               int64_t context_tokens, int64_t windows,
                               const std::filesystem::path& data_folder = {});

}  // namespace plastometer
