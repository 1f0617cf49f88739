#include <sentencepiece_trainer.h>

#include <unordered_map>

#include "base/error.h"
#include "base/files.h"
#include "datasets/tokenizer.h"

namespace plastometer {
namespace {

// SentencePiece drops longer lines. None of the sources' comes near it; those
// of other text are cut.
constexpr size_t kMaxLineBytes = 65536;

// Where a piece of at most kMaxLineBytes that begins at `from` ends: no letter
// is cut.
size_t EndOfPiece(const std::string& text, size_t from, size_t line_end) {
  if (line_end - from <= kMaxLineBytes) return line_end;
  size_t to = from + kMaxLineBytes;
  while ((static_cast<unsigned char>(text[to]) & 0xC0) == 0x80) --to;
  return to;
}

class Lines : public sentencepiece::SentenceIterator {
 public:
  void Add(const Document& document) {
    const std::string& text = document.text;
    for (size_t from = 0; from < text.size();) {
      const size_t to = std::min(text.find('\n', from), text.size());
      for (size_t begin = from, end = 0; begin < to; begin = end) {
        end = EndOfPiece(text, begin, to);
        lines_.push_back(text.substr(begin, end - begin));
      }
      from = to + 1;
    }
  }
  bool done() const override { return at_ >= lines_.size(); }
  void Next() override { ++at_; }
  const std::string& value() const override { return lines_[at_]; }
  sentencepiece::util::Status status() const override { return {}; }
  bool empty() const { return lines_.empty(); }

 private:
  std::vector<std::string> lines_;
  size_t at_ = 0;
};

// Llama-2's settings. The number of threads changes no piece but is stored in
// the file: pinned.
std::unordered_map<std::string, std::string> Flags(int32_t vocab_size) {
  return {{"model_type", "bpe"},
          {"vocab_size", std::to_string(vocab_size)},
          {"byte_fallback", "true"},
          {"split_digits", "true"},
          {"allow_whitespace_only_pieces", "true"},
          {"remove_extra_whitespaces", "false"},
          {"normalization_rule_name", "identity"},
          {"character_coverage", "0.9995"},
          {"max_sentence_length", std::to_string(kMaxLineBytes)},
          {"num_threads", "2"},
          {"minloglevel", "2"}};
}

}  // namespace

std::string TrainSentencePiece(const DocumentFeed& feed, int32_t vocab_size) {
  Lines lines;
  feed([&](const Document& d) { lines.Add(d); });
  if (lines.empty()) throw InvalidError("no text to train a tokenizer on");
  std::string model;
  const auto status = sentencepiece::SentencePieceTrainer::Train(
      Flags(vocab_size), &lines, &model);
  if (!status.ok()) {
    throw InvalidError("a vocabulary of " + std::to_string(vocab_size) +
                       " cannot be trained on this text: " + status.ToString());
  }
  return model;
}

void TrainSentencePiece(const DocumentFeed& feed, int32_t vocab_size,
                        const std::filesystem::path& out) {
  WriteFile(out, TrainSentencePiece(feed, vocab_size));
}

}  // namespace plastometer
