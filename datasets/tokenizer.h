// Text to token ids and back, exactly.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/document.h"

namespace plastometer {

struct Encoding {
  std::vector<int32_t> ids;
  // Of text that each id stands for; they add up to the text's size.
  std::vector<int32_t> bytes;
};

// Decode(Encode(x)) == x for every valid UTF-8 text. Implementations may be
// called from several threads.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // `name` (a file, a document) is what errors call the text. Throws kInvalid
  // on text that is not UTF-8.
  std::vector<int32_t> Encode(std::string_view text,
                              const std::string& name = "text") const;
  Encoding EncodeWithBytes(std::string_view text,
                           const std::string& name = "text") const;

  // When true, text may be encoded in pieces that each end with a newline: a
  // token never reaches across one. The first piece goes to EncodeWithBytes,
  // the others here, and the ids are those of the whole text.
  virtual bool SplitsAtNewline() const = 0;
  Encoding EncodeContinuation(std::string_view text,
                              const std::string& name = "text") const;

  // Throws kInvalid on ids outside the vocabulary and on ids that stand for no
  // text (control, unknown).
  virtual std::string Decode(const std::vector<int32_t>& ids) const = 0;
  // The text of one id, with its leading blank if it has one; empty for control
  // ids. Throws kInvalid outside the vocabulary.
  virtual std::string TokenText(int32_t id) const = 0;

  // Begin-of-text and end-of-text, which Encode never makes; -1: none.
  virtual int32_t bos_id() const { return -1; }
  virtual int32_t eos_id() const { return -1; }

  virtual int32_t vocab_size() const = 0;
  virtual std::string name() const = 0;
  // Of the model file; of the name for bytes.
  virtual std::string sha256() const = 0;

 protected:
  virtual Encoding EncodeValid(std::string_view text,
                               const std::string& name) const = 0;
  virtual Encoding ContinueValid(std::string_view text,
                                 const std::string& name) const = 0;
  void CheckId(int32_t id) const;
};

// One id a byte, 256 of them.
class ByteTokenizer : public Tokenizer {
 public:
  bool SplitsAtNewline() const override { return true; }
  std::string Decode(const std::vector<int32_t>& ids) const override;
  std::string TokenText(int32_t id) const override;
  int32_t vocab_size() const override { return 256; }
  std::string name() const override { return "bytes"; }
  std::string sha256() const override;

 protected:
  Encoding EncodeValid(std::string_view text,
                       const std::string& name) const override;
  Encoding ContinueValid(std::string_view text,
                         const std::string& name) const override;
};

// A SentencePiece BPE model with byte fallback and without normalisation:
// Llama-2's tokenizer.model and ours. Anything else would not give the text
// back; the constructor refuses it. Encoding can be interrupted, and throws
// kInvalid for text without blank or newline for more than 8 MiB.
class SentencePieceTokenizer : public Tokenizer {
 public:
  SentencePieceTokenizer(const std::string& serialized,
                         const std::string& name);
  ~SentencePieceTokenizer() override;
  bool SplitsAtNewline() const override { return splits_at_newline_; }
  std::string Decode(const std::vector<int32_t>& ids) const override;
  std::string TokenText(int32_t id) const override;
  int32_t bos_id() const override;
  int32_t eos_id() const override;
  int32_t vocab_size() const override;
  std::string name() const override { return name_; }
  std::string sha256() const override { return sha256_; }

 protected:
  Encoding EncodeValid(std::string_view text,
                       const std::string& name) const override;
  Encoding ContinueValid(std::string_view text,
                         const std::string& name) const override;

 private:
  struct Processor;
  void ReadPieces();
  // In parts that come out as the whole would.
  void AppendSegment(std::string_view segment, bool first,
                     const std::string& name, Encoding* out) const;
  void AppendPart(std::string_view part, bool first, Encoding* out) const;

  std::string name_, sha256_;
  std::unique_ptr<Processor> processor_;
  std::vector<std::string> texts_;  // by id, blanks as blanks
  std::vector<bool> stands_for_text_;
  std::vector<int32_t> byte_ids_;  // by byte
  // Encoding of "\n", with the blank that the model puts before every text.
  std::vector<int32_t> newline_ids_;
  bool splits_at_newline_ = true;
  bool splits_at_blank_ = true;  // no piece goes on behind a word with a blank
};

// `spec`: "bytes", or the path of a SentencePiece model. A given
// `expected_sha256` must match. Throws kInvalid.
std::unique_ptr<Tokenizer> LoadTokenizer(
    const std::string& spec, const std::string& expected_sha256 = "");

// Calls `add` once for each document to learn from.
using DocumentFeed =
    std::function<void(const std::function<void(const Document&)>& add)>;

// Trains a Llama-like BPE model of `vocab_size` pieces. The same text gives the
// same bytes. Throws kInvalid when the text is too small for the vocabulary.
std::string TrainSentencePiece(const DocumentFeed& feed, int32_t vocab_size);
void TrainSentencePiece(const DocumentFeed& feed, int32_t vocab_size,
                        const std::filesystem::path& out);

}  // namespace plastometer
