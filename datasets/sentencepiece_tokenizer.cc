#include <sentencepiece_processor.h>

#include <utility>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/sha256.h"
#include "datasets/sentencepiece_proto.h"
#include "datasets/tokenizer.h"

namespace plastometer {
namespace {

// U+2581, which the model writes for a blank.
constexpr std::string_view kBlank = "\xE2\x96\x81";

std::string BlanksAsBlanks(std::string_view piece) {
  std::string text;
  for (size_t i = 0; i < piece.size();) {
    const bool blank = piece.substr(i, kBlank.size()) == kBlank;
    text += blank ? ' ' : piece[i];
    i += blank ? kBlank.size() : 1;
  }
  return text;
}

bool BlankBehindWord(std::string_view text) {
  const size_t word = text.find_first_not_of(' ');
  return word != std::string_view::npos &&
         text.find(' ', word) != std::string_view::npos;
}

// The library takes 100 bytes and some microseconds a byte, and cannot be
// interrupted.
constexpr size_t kPartBytes = size_t{1} << 16, kMaxPartBytes = size_t{8} << 20;

void Refuse(const std::string& name, const std::string& found,
            const std::string& expected) {
  throw InvalidError(name + ": " + found + "; expected " + expected +
                     ", as in Llama-2's tokenizer.model: other models do not "
                     "give the text back exactly");
}

void CheckFacts(const SentencePieceFacts& facts, const std::string& name) {
  static const char* const kTypes[] = {"?", "unigram", "BPE", "word", "char"};
  const int type =
      facts.model_type >= 0 && facts.model_type <= 4 ? facts.model_type : 0;
  if (facts.model_type != 2)
    Refuse(name, std::string("model type ") + kTypes[type], "BPE");
  if (!facts.byte_fallback) Refuse(name, "no byte fallback", "byte_fallback");
  if (facts.has_charsmap)
    Refuse(name, "normalisation \"" + facts.normalization + "\"", "identity");
  if (facts.remove_extra_whitespaces)
    Refuse(name, "removes extra blanks", "remove_extra_whitespaces=false");
  if (!facts.escape_whitespaces || !facts.add_dummy_prefix) {
    Refuse(name, "blanks not escaped or no dummy prefix",
           "escape_whitespaces and add_dummy_prefix");
  }
}

}  // namespace

struct SentencePieceTokenizer::Processor {
  sentencepiece::SentencePieceProcessor sp;
};

SentencePieceTokenizer::SentencePieceTokenizer(const std::string& serialized,
                                               const std::string& name)
    : name_(name),
      sha256_(Sha256Hex(serialized)),
      processor_(std::make_unique<Processor>()) {
  CheckFacts(ReadSentencePieceFacts(serialized, name), name);
  const auto status = processor_->sp.LoadFromSerializedProto(serialized);
  if (!status.ok())
    throw InvalidError(name +
                       ": not a SentencePiece model: " + status.ToString());
  ReadPieces();
}

SentencePieceTokenizer::~SentencePieceTokenizer() = default;

void SentencePieceTokenizer::ReadPieces() {
  const auto& sp = processor_->sp;
  byte_ids_.assign(256, -1);
  for (int32_t id = 0; id < sp.GetPieceSize(); ++id) {
    const std::string& piece = sp.IdToPiece(id);
    stands_for_text_.push_back(!sp.IsControl(id) && !sp.IsUnknown(id) &&
                               !sp.IsUnused(id));
    texts_.push_back(stands_for_text_.back() ? BlanksAsBlanks(piece) : "");
    if (sp.IsByte(id)) {
      // "<0xAB>"
      const auto byte = static_cast<unsigned char>(
          std::stoi(piece.substr(3, 2), nullptr, 16));
      texts_.back() = std::string(1, static_cast<char>(byte));
      byte_ids_[byte] = id;
    } else if (piece.size() > 1 && piece.find('\n') != std::string::npos) {
      splits_at_newline_ = false;
    }
    if (BlankBehindWord(texts_.back())) splits_at_blank_ = false;
  }
  for (int32_t id : byte_ids_) {
    if (id < 0)
      Refuse(name_, "byte pieces missing", "256 pieces <0x00> to <0xFF>");
  }
  newline_ids_ = sp.EncodeAsIds("\n");
}

// The model puts a blank before every text. A segment that is not the first is
// encoded behind a newline, where nothing merges, and the ids of blank and
// newline are cut off again.
void SentencePieceTokenizer::AppendSegment(std::string_view segment, bool first,
                                           const std::string& name,
                                           Encoding* out) const {
  const auto is_border = [&](size_t at) {
    const char before = segment[at - 1], here = segment[at];
    return (splits_at_blank_ && here == ' ' && before != ' ') ||
           (splits_at_newline_ && before == '\n');
  };
  while (segment.size() > kPartBytes) {
    ThrowIfInterrupted();
    size_t end = kPartBytes;
    while (end < segment.size() && !is_border(end)) ++end;
    if (end > kMaxPartBytes)
      throw InvalidError(name + ": text with neither blank nor newline for " +
                         std::to_string(end - kPartBytes) +
                         " bytes; expected at most " +
                         std::to_string(kMaxPartBytes - kPartBytes));
    AppendPart(segment.substr(0, end), std::exchange(first, false), out);
    segment.remove_prefix(end);
  }
  AppendPart(segment, first, out);
}

void SentencePieceTokenizer::AppendPart(std::string_view segment, bool first,
                                        Encoding* out) const {
  if (segment.empty()) return;
  std::vector<int> ids;
  if (first) {
    ids = processor_->sp.EncodeAsIds({segment.data(), segment.size()});
  } else {
    ids = processor_->sp.EncodeAsIds("\n" + std::string(segment));
    const auto n = static_cast<std::ptrdiff_t>(newline_ids_.size());
    if (ids.size() < newline_ids_.size() ||
        !std::equal(newline_ids_.begin(), newline_ids_.end(), ids.begin())) {
      throw InternalError(name_ + ": a token reaches across a newline");
    }
    ids.erase(ids.begin(), ids.begin() + n);
  }
  size_t sum = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (!stands_for_text_[static_cast<size_t>(ids[i])])
      throw InternalError(name_ + ": text encoded to a control id");
    size_t bytes = texts_[static_cast<size_t>(ids[i])].size();
    if (first && i == 0) --bytes;  // the blank that the text does not have
    out->ids.push_back(ids[i]);
    out->bytes.push_back(static_cast<int32_t>(bytes));
    sum += bytes;
  }
  if (sum != segment.size()) {
    throw InternalError(name_ + ": tokens cover " + std::to_string(sum) +
                        " of " + std::to_string(segment.size()) + " bytes");
  }
}

Encoding SentencePieceTokenizer::ContinueValid(std::string_view text,
                                               const std::string& name) const {
  Encoding out;
  // U+2581 itself would come back as a blank: it goes in as three bytes.
  for (size_t from = 0;;) {
    const size_t at = text.find(kBlank, from);
    AppendSegment(text.substr(from, at - from), false, name, &out);
    if (at == std::string_view::npos) return out;
    for (char c : kBlank) {
      out.ids.push_back(byte_ids_[static_cast<unsigned char>(c)]);
      out.bytes.push_back(1);
    }
    from = at + kBlank.size();
  }
}

Encoding SentencePieceTokenizer::EncodeValid(std::string_view text,
                                             const std::string& name) const {
  const size_t at = text.find(kBlank);
  Encoding out;
  AppendSegment(text.substr(0, at), true, name, &out);
  if (at == std::string_view::npos) return out;
  const Encoding rest = ContinueValid(text.substr(at), name);
  out.ids.insert(out.ids.end(), rest.ids.begin(), rest.ids.end());
  out.bytes.insert(out.bytes.end(), rest.bytes.begin(), rest.bytes.end());
  return out;
}

std::string SentencePieceTokenizer::Decode(
    const std::vector<int32_t>& ids) const {
  std::string text;
  for (int32_t id : ids) {
    CheckId(id);
    if (!stands_for_text_[static_cast<size_t>(id)]) {
      throw InvalidError("token id " + std::to_string(id) + " of " + name_ +
                         " stands for no text (control or unknown)");
    }
    text += texts_[static_cast<size_t>(id)];
  }
  if (!text.empty() && text[0] == ' ') text.erase(0, 1);
  return text;
}

std::string SentencePieceTokenizer::TokenText(int32_t id) const {
  CheckId(id);
  return texts_[static_cast<size_t>(id)];
}

int32_t SentencePieceTokenizer::bos_id() const {
  return processor_->sp.bos_id();
}

int32_t SentencePieceTokenizer::eos_id() const {
  return processor_->sp.eos_id();
}

int32_t SentencePieceTokenizer::vocab_size() const {
  return static_cast<int32_t>(texts_.size());
}

}  // namespace plastometer
