#include "harness/results/trace_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "tests/harness/golden/random_golden.h"

namespace plastometer {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// 17 tokens: one mini-batch, one layer, one head.
Trace SmallTrace() {
  WindowTrace w;
  w.num_tokens = 17;
  w.nll_sum = 24.0;
  w.block_digests = {0x0102030405060708u};
  w.nll.assign(16, 1.5);
  w.row_digests.assign(34, 0xa0b0c0d0u);
  w.state_digests = {7};
  w.probe = {{5, -1}, {2.5F, -0.0F}, 5, 2.5F, 0.25};
  WindowTrace plain;
  plain.num_tokens = 1;
  return {
      .num_layers = 1, .num_heads = 1, .loss_bytes = 4, .windows = {w, plain}};
}

template <typename T>
std::string Raw(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

std::string Times(int count, const std::string& text) {
  std::string all;
  for (int i = 0; i < count; ++i) all += text;
  return all;
}

// Decodes or not; what decodes must be the one encoding of what it says.
bool DecodesCanonically(const std::string& bytes) {
  try {
    EXPECT_EQ(EncodeTrace(DecodeTrace(bytes, "t")), bytes);
    return true;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInvalid) << error.what();
    return false;
  }
}

TEST(TraceFile, HasTheLayoutOfTheDocument) {
  const std::string expected =
      "PLASTRAC" + Raw<int64_t>(1) + Raw<int64_t>(4) + Raw<int64_t>(1) +
      Raw<int64_t>(1) + Raw<int64_t>(2) +  //
      Raw<int64_t>(17) + Raw(24.0) + Raw<uint64_t>(0x0102030405060708) +
      Raw<int64_t>(16) + Times(16, Raw(1.5F)) +         // losses
      Raw<int64_t>(34) + Times(34, Raw(0xa0b0c0d0u)) +  // rows
      Raw<int64_t>(1) + Raw<uint32_t>(7) +              // state
      Raw<int64_t>(2) + Raw<int32_t>(5) + Raw<int32_t>(-1) + Raw(2.5F) +
      Raw(-0.0F) + Raw<int32_t>(5) + Raw(2.5F) + Raw(0.25) +  // probe
      Raw<int64_t>(1) + Raw(0.0) + Raw<int64_t>(0);           // second window
  EXPECT_EQ(EncodeTrace(SmallTrace()), expected);
}

TEST(TraceFile, RandomTracesComeBackAndHaveOneEncoding) {
  RandomGolden random(1);
  for (int i = 0; i < 1000; ++i) {
    const Trace trace = random.Trace();
    const std::string bytes = EncodeTrace(trace);
    const Trace read = DecodeTrace(bytes, "t");
    ASSERT_EQ(read, trace);
    ASSERT_EQ(EncodeTrace(read), bytes);
  }
}

TEST(TraceFile, LossesThatAreNotNumbersKeepTheirBits) {
  const Trace trace = SmallTrace();
  const std::string bytes = EncodeTrace(trace);
  const size_t losses = bytes.find(Raw(1.5F));
  for (const uint32_t nan : {0x7fc00000u, 0xffc00000u, 0x7f800001u, 0xffabcdefu,
                             0x7f800000u, 0xff800000u}) {
    std::string changed = bytes;
    std::memcpy(changed.data() + losses, &nan, 4);
    const Trace read = DecodeTrace(changed, "t");
    EXPECT_FALSE(std::isfinite(read.windows[0].nll[0]));
    EXPECT_EQ(EncodeTrace(read), changed) << std::hex << nan;
  }
  Trace wide = trace;
  wide.loss_bytes = 8;
  for (const uint64_t nan :
       {uint64_t{0x7ff8000000000001}, uint64_t{0xfff0000000000001}}) {
    wide.windows[0].nll[3] = std::bit_cast<double>(nan);
    const Trace read = DecodeTrace(EncodeTrace(wide), "t");
    EXPECT_EQ(std::bit_cast<uint64_t>(read.windows[0].nll[3]), nan);
  }
}

TEST(TraceFile, LossThatIsNoFloatIsOurMistake) {
  for (const double loss :
       {0.1, 1e300, std::bit_cast<double>(uint64_t{0x7ff8000000000001})}) {
    Trace trace = SmallTrace();
    trace.windows[0].nll[5] = loss;
    EXPECT_THAT(MessageOf([&] { EncodeTrace(trace); }, ErrorKind::kInternal),
                HasSubstr("exact float"));
    trace.loss_bytes = 8;
    EXPECT_NO_THROW(EncodeTrace(trace));
  }
}

TEST(TraceFile, WrongShapesAreOurMistake) {
  const std::vector<std::pair<const char*, std::function<void(Trace*)>>> wrong =
      {{"loss_bytes", [](Trace* t) { t->loss_bytes = 2; }},
       {"layers", [](Trace* t) { t->num_layers = -1; }},
       {"block_digests", [](Trace* t) { t->windows[0].block_digests = {}; }},
       {"nll", [](Trace* t) { t->windows[0].nll.pop_back(); }},
       {"row_digests", [](Trace* t) { t->windows[0].row_digests.pop_back(); }},
       {"state_digests",
        [](Trace* t) { t->windows[0].state_digests.push_back(1); }},
       {"probe", [](Trace* t) { t->windows[0].probe.ids.pop_back(); }},
       {"without losses", [](Trace* t) { t->windows[1].probe.target_id = 1; }},
       {"num_tokens", [](Trace* t) { t->windows[1].num_tokens = -5; }}};
  for (const auto& [what, change] : wrong) {
    Trace trace = SmallTrace();
    change(&trace);
    EXPECT_THAT(MessageOf([&] { EncodeTrace(trace); }, ErrorKind::kInternal),
                HasSubstr(what));
  }
}

TEST(TraceFile, RowsAndStatesMayBeAbsent) {
  Trace trace = SmallTrace();
  trace.windows[0].row_digests.clear();
  trace.windows[0].state_digests.clear();
  EXPECT_EQ(DecodeTrace(EncodeTrace(trace), "t"), trace);
}

TEST(TraceFile, CutAnywhereIsRefused) {
  const std::string bytes = EncodeTrace(SmallTrace());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(DecodesCanonically(bytes.substr(0, size))) << size;
  }
  EXPECT_THAT(
      MessageOf([&] { DecodeTrace(bytes + "x", "t"); }, ErrorKind::kInvalid),
      HasSubstr("1 bytes behind the last window"));
}

TEST(TraceFile, LengthsAreNotBelievedBeforeTheBytesAreThere) {
  const std::string bytes = EncodeTrace(SmallTrace());
  for (size_t at = 0; at + 8 <= bytes.size(); ++at) {
    for (const int64_t value :
         {int64_t{-1}, int64_t{1} << 31, int64_t{1} << 32, int64_t{1} << 62,
          std::numeric_limits<int64_t>::max(),
          std::numeric_limits<int64_t>::min()}) {
      std::string changed = bytes;
      std::memcpy(changed.data() + at, &value, sizeof value);
      DecodesCanonically(changed);  // neither crashes nor fills the memory
    }
  }
  std::string changed = bytes;
  const int64_t tokens = int64_t{1} << 32;
  std::memcpy(changed.data() + 48, &tokens, sizeof tokens);
  EXPECT_THAT(
      MessageOf([&] { DecodeTrace(changed, "a/trace.zst"); },
                ErrorKind::kInvalid),
      AllOf(HasSubstr("a/trace.zst: byte 64 "),
            HasSubstr("67108864 block digests"), HasSubstr("bytes remain")));
}

TEST(TraceFile, DamagedBytesAreRefusedOrSaySomethingElseInTheOneForm) {
  RandomGolden random(2);
  int accepted = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = EncodeTrace(SmallTrace());
    for (int64_t n = 1 + random.Below(3); n > 0; --n) {
      bytes[random.Below(std::ssize(bytes))] =
          static_cast<char>(random.Below(256));
    }
    accepted += DecodesCanonically(bytes) ? 1 : 0;
  }
  EXPECT_GT(accepted, 1000);  // else the property was hardly asked
}

TEST(TraceFile, AnotherFileAndAnotherSchemaAreNamed) {
  EXPECT_THAT(
      MessageOf([] { DecodeTrace("{\"a\": 1}", "f"); }, ErrorKind::kInvalid),
      HasSubstr("f: byte 0 of the unpacked trace: not a trace"));
  std::string bytes = EncodeTrace(SmallTrace());
  bytes[8] = 2;
  EXPECT_THAT(MessageOf([&] { DecodeTrace(bytes, "f"); }, ErrorKind::kInvalid),
              AllOf(HasSubstr("schema 2"), HasSubstr("reads schema 1")));
}

TEST(TraceFile, TextShowsEveryValue) {
  const std::string text = TraceText(SmallTrace());
  EXPECT_THAT(text, HasSubstr("trace schema 1, 1 layers, 1 heads, losses of 4 "
                              "bytes, 2 windows\n"));
  EXPECT_THAT(text, HasSubstr("window 0: 17 tokens, sum 0x1.8p+4 24\n"
                              "  block 0 0102030405060708\n"
                              "  token 0 loss none rows a0b0c0d0 a0b0c0d0\n"
                              "  token 1 loss 0x1.8p+0 1.5 rows"));
  EXPECT_THAT(text, HasSubstr("  state after mini-batch 0 layer 0 00000007\n"
                              "  probe token 5 logit 0x1.4p+1 2.5\n"
                              "  probe token -1 logit -0x0p+0 -0\n"
                              "  probe target 5 logit 0x1.4p+1 2.5 loss "
                              "0x1p-2 0.25\n"));
  EXPECT_THAT(text, HasSubstr("window 1: 1 tokens, sum 0x0p+0 0, not traced"));
}

}  // namespace
}  // namespace plastometer
