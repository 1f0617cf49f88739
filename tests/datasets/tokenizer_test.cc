#include "datasets/tokenizer.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>
#include <numeric>

#include "base/files.h"
#include "base/interrupt.h"
#include "base/sha256.h"
#include "base/utf8.h"
#include "datasets/sentencepiece_proto.h"
#include "tests/datasets/helpers.h"
#include "tests/errors.h"

namespace plastometer {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const std::vector<std::string>& Awkward() {
  static const std::vector<std::string> texts = {
      "",
      "a",
      " ",
      "  two leading blanks",
      "trailing blank ",
      "\n",
      "\n\n\n",
      "tabs\tand\r\nCRLF",
      "if (x) {\n    return  y;\n}\n",
      "naïve café, 12345, Ελληνικά, 日本語, 🙂🙂",
      "a \xE2\x96\x81 that is in the text\xE2\x96\x81",
      "\xE2\x96\x81",
      "\xE2\x96\x81\xE2\x96\x81 x\n\xE2\x96\x81y",
      std::string("nul\0inside", 10),
      "\xEF\xBB\xBFwith a byte order mark",
      "\u00A0no-break\u00A0space\u2028line separator\u200B",
      "<0x41> <s> </s> <unk>",
  };
  return texts;
}

TEST(SentencePiece, GivesEveryTextBack) {
  const Tokenizer& t = TinyTokenizer();
  std::vector<std::string> texts = Awkward();
  texts.push_back(Prose(77, 500));
  for (const auto& text : texts) {
    const Encoding e = t.EncodeWithBytes(text);
    EXPECT_EQ(t.Decode(e.ids), text);
    ASSERT_EQ(e.bytes.size(), e.ids.size());
    EXPECT_EQ(std::accumulate(e.bytes.begin(), e.bytes.end(), size_t{0}),
              text.size())
        << text;
  }
}

TEST(SentencePiece, BytesOfTokensAreTheirText) {
  const std::string text = "bace difo\n  naïve 🙂 laru";
  const Encoding e = TinyTokenizer().EncodeWithBytes(text);
  std::string joined;
  for (size_t i = 0; i < e.ids.size(); ++i) {
    std::string token = TinyTokenizer().TokenText(e.ids[i]);
    if (i == 0) token.erase(0, 1);
    EXPECT_EQ(token.size(), static_cast<size_t>(e.bytes[i]));
    joined += token;
  }
  EXPECT_EQ(joined, text);
}

TEST(SentencePiece, PiecesUpToNewlinesGiveTheIdsOfTheWhole) {
  const Tokenizer& t = TinyTokenizer();
  ASSERT_TRUE(t.SplitsAtNewline());
  const std::string text =
      "first line\n  indented\n\n" + Prose(5, 300) + " last\n";
  const auto whole = t.Encode(text);
  for (size_t cut = text.find('\n'); cut != std::string::npos;
       cut = text.find('\n', cut + 1)) {
    auto ids = t.Encode(text.substr(0, cut + 1));
    const auto rest = t.EncodeContinuation(text.substr(cut + 1)).ids;
    ids.insert(ids.end(), rest.begin(), rest.end());
    ASSERT_EQ(ids, whole) << "cut at " << cut;
  }
}

// The library takes long for it and knows no interrupt: cut where no piece
// reaches across.
TEST(SentencePiece, LongLinesComeOutAsTheirWordsDo) {
  const Tokenizer& t = TinyTokenizer();
  std::string words = Prose(7, 60000);
  std::replace(words.begin(), words.end(), '\n', ' ');
  ASSERT_GT(words.size(), size_t{200000});
  // Word by word: the cuts of the program are among these.
  std::vector<int32_t> expected;
  for (size_t from = 0; from < words.size();) {
    size_t to = words.find_first_not_of(' ', from);
    to = to == std::string::npos ? to : words.find(' ', to);
    const std::string word = words.substr(from, to - from);
    const auto ids =
        from == 0 ? t.Encode(word) : t.EncodeContinuation(word).ids;
    expected.insert(expected.end(), ids.begin(), ids.end());
    from = std::min(to, words.size());
  }
  EXPECT_EQ(t.Encode(words), expected);
}

TEST(SentencePiece, ALineThatIsNoTextIsRefused) {
  const std::string line(size_t{9} << 20, 'x');
  EXPECT_THAT(
      MessageOf([&] { TinyTokenizer().Encode(line, "a.txt"); }),
      testing::StartsWith("a.txt: text with neither blank nor newline for "));
}

TEST(SentencePiece, ASignalEndsTheEncoding) {
  const std::string words = Prose(7, 30000);
  const InterruptGuard guard;
  std::raise(SIGTERM);
  EXPECT_THROW(TinyTokenizer().Encode(words), Interrupted);
}

TEST(SentencePiece, CompressesWhatItLearned) {
  const std::string text = Prose(99, 400);
  EXPECT_LT(TinyTokenizer().Encode(text).size() * 3, text.size() * 2);
}

TEST(SentencePiece, TrainingIsDeterministic) {
  const auto feed = [](const std::function<void(const Document&)>& add) {
    add({"", "", "", "", Prose(1, 2000)});
  };
  EXPECT_EQ(Sha256Hex(TrainSentencePiece(feed, 300)),
            Sha256Hex(TrainSentencePiece(feed, 300)));
}

TEST(SentencePiece, TooLittleTextForTheVocabularyIsAnError) {
  const auto feed = [](const std::function<void(const Document&)>& add) {
    add({"", "", "", "", "ab ab\n"});
  };
  EXPECT_THAT(MessageOf([&] { TrainSentencePiece(feed, 5000); }),
              HasSubstr("vocabulary of 5000"));
  const auto none = [](const std::function<void(const Document&)>&) {};
  EXPECT_THAT(MessageOf([&] { TrainSentencePiece(none, 300); }),
              HasSubstr("no text"));
}

TEST(SentencePiece, InvalidUtf8IsNamedWithItsOffset) {
  const auto message =
      MessageOf([] { TinyTokenizer().Encode("abc\xFFz", "book.txt"); });
  EXPECT_THAT(message, AllOf(HasSubstr("book.txt"), HasSubstr("byte 3"),
                             HasSubstr("0xff")));
}

TEST(SentencePiece, IdsOutsideTheVocabularyAreErrors) {
  const Tokenizer& t = TinyTokenizer();
  EXPECT_EQ(t.vocab_size(), 320);
  EXPECT_THAT(MessageOf([&] {
                t.Decode({5, 320});
              }),
              HasSubstr("token id 320"));
  EXPECT_THAT(MessageOf([&] { t.Decode({-1}); }), HasSubstr("token id -1"));
  EXPECT_THAT(MessageOf([&] { t.TokenText(1 << 30); }),
              HasSubstr("outside the vocabulary"));
  EXPECT_THAT(MessageOf([&] { t.Decode({0}); }),
              HasSubstr("stands for no text"));
}

TEST(SentencePiece, FactsAreThoseOfTheFlags) {
  const SentencePieceFacts f = ReadSentencePieceFacts(TinyModel(), "tiny");
  EXPECT_EQ(f.model_type, 2);
  EXPECT_TRUE(f.byte_fallback);
  EXPECT_EQ(f.normalization, "identity");
  EXPECT_FALSE(f.has_charsmap);
  EXPECT_FALSE(f.remove_extra_whitespaces);
}

// A model message of one piece, a trainer spec and a normaliser spec.
std::string FakeModel(const std::string& trainer,
                      const std::string& normalizer) {
  auto field = [](char number, const std::string& body) {
    return std::string(1, static_cast<char>(number << 3 | 2)) +
           static_cast<char>(body.size()) + body;
  };
  return field(1, field(1, "x")) + field(2, trainer) + field(3, normalizer);
}

TEST(SentencePiece, RefusesModelsThatWouldNotGiveTheTextBack) {
  const std::string bpe = "\x18\x02", fallback = "\x98\x02\x01",
                    plain = std::string("\x20\x00", 2);
  auto message = [](const std::string& model) {
    return MessageOf([&] { SentencePieceTokenizer(model, "m.model"); });
  };
  EXPECT_THAT(message(FakeModel("\x18\x01" + fallback, plain)),
              AllOf(HasSubstr("m.model"), HasSubstr("unigram")));
  EXPECT_THAT(message(FakeModel(bpe, plain)), HasSubstr("byte fallback"));
  EXPECT_THAT(message(FakeModel(bpe + fallback, "\x12\x01z" + plain)),
              HasSubstr("normalisation"));
  EXPECT_THAT(message(FakeModel(bpe + fallback, "")),
              HasSubstr("extra blanks"));
  EXPECT_THAT(message("hello, I am a text file\n"),
              HasSubstr("not a SentencePiece model"));
  EXPECT_THAT(message(""), HasSubstr("no pieces"));
}

TEST(SentencePiece, AnyTruncationIsAnErrorAndNothingWorse) {
  for (size_t n = 0; n < TinyModel().size(); n += 97) {
    EXPECT_THROW(SentencePieceTokenizer(TinyModel().substr(0, n), "cut.model"),
                 Error)
        << n;
  }
}

TEST(Bytes, GivesEveryTextBack) {
  const auto t = LoadTokenizer("bytes");
  for (const auto& text : Awkward())
    EXPECT_EQ(t->Decode(t->Encode(text)), text);
  EXPECT_EQ(t->vocab_size(), 256);
  EXPECT_THAT(MessageOf([&] { t->Decode({256}); }), HasSubstr("token id 256"));
}

TEST(LoadTokenizer, ChecksFileAndHash) {
  TemporaryFolder folder;
  const std::string path = folder.path() / "tokenizer.model";
  WriteFile(path, TinyModel());
  EXPECT_EQ(LoadTokenizer(path, Sha256Hex(TinyModel()))->vocab_size(), 320);
  EXPECT_THAT(MessageOf([&] { LoadTokenizer(path, "00ff"); }),
              HasSubstr("expected 00ff"));
  EXPECT_THAT(MessageOf([&] { LoadTokenizer(path + ".not"); }),
              HasSubstr("tokenizer.model.not"));
}

TEST(Utf8, FindsTheFirstInvalidByte) {
  EXPECT_EQ(FindInvalidUtf8("plain é 日 🙂"), kAllValid);
  EXPECT_EQ(FindInvalidUtf8("\xC0\x80"), 0u);              // overlong
  EXPECT_EQ(FindInvalidUtf8("a\xED\xA0\x80"), 1u);         // surrogate
  EXPECT_EQ(FindInvalidUtf8("ab\xF4\x90\x80\x80"), 2u);    // above U+10FFFF
  EXPECT_EQ(FindInvalidUtf8("abc\xE2\x82"), 3u);           // cut off
  EXPECT_EQ(FindInvalidUtf8("\xF0\x9F\x99\x82\x80"), 4u);  // stray continuation
}

}  // namespace
}  // namespace plastometer
