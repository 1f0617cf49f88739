#include "harness/results/trace_file.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/canonical_json.h"
#include "base/counters.h"
#include "base/error.h"

namespace plastometer {
namespace {

static_assert(std::endian::native == std::endian::little,
              "values are copied as they lie in memory");

constexpr std::string_view kMagic = "PLASTRAC";
// Far beyond any model and window; products of these fit 64 bits.
constexpr int64_t kMaxTokens = int64_t{1} << 32;
constexpr int64_t kMaxLayers = int64_t{1} << 14;

int64_t NumLosses(const WindowTrace& w) {
  return std::max<int64_t>(w.num_tokens - 1, 0);
}
int64_t NumBlocks(const WindowTrace& w) {
  return (NumLosses(w) + kLossBlock - 1) / kLossBlock;
}
int64_t NumRows(const Trace& t, const WindowTrace& w) {
  return w.num_tokens * (t.num_layers + 1);
}
int64_t NumStates(const Trace& t, const WindowTrace& w) {
  return w.num_tokens / kMiniBatchTokens * t.num_layers * t.num_heads;
}

// A NaN's payload goes through bit by bit: the processor's own conversion
// makes a signalling NaN quiet.
double Widen(uint32_t bits) {
  const auto value = std::bit_cast<float>(bits);
  if (!std::isnan(value)) return value;
  return std::bit_cast<double>(uint64_t{bits >> 31} << 63 |
                               uint64_t{0x7ff} << 52 |
                               uint64_t{bits & 0x7fffff} << 29);
}

uint32_t Narrow(double value) {
  const auto bits = std::bit_cast<uint64_t>(value);
  const uint32_t narrow =
      std::isnan(value)
          ? static_cast<uint32_t>(bits >> 63) << 31 | uint32_t{0x7f800000} |
                static_cast<uint32_t>(bits >> 29 & 0x7fffff)
          : std::bit_cast<uint32_t>(static_cast<float>(value));
  if (std::bit_cast<uint64_t>(Widen(narrow)) != bits) {
    throw InternalError("a loss of 4 bytes is no exact float: " +
                        std::to_string(value));
  }
  return narrow;
}

class Writer {
 public:
  explicit Writer(const Trace& trace) : trace_(trace) {}

  std::string Write() && {
    out_ = kMagic;
    for (const int64_t value :
         {kGoldenSchema, trace_.loss_bytes, trace_.num_layers, trace_.num_heads,
          static_cast<int64_t>(trace_.windows.size())}) {
      Put(value);
    }
    for (const WindowTrace& window : trace_.windows) Window(window);
    return std::move(out_);
  }

 private:
  template <typename T>
  void Put(T value) {
    out_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  template <typename T>
  void PutAll(const std::vector<T>& values) {
    if (values.empty()) return;
    out_.append(reinterpret_cast<const char*>(values.data()),
                values.size() * sizeof(T));
  }
  static void Require(bool good, const char* what) {
    if (!good) {
      throw InternalError(std::string("a trace that cannot be written: ") +
                          what + " does not fit the window's shape");
    }
  }

  void Window(const WindowTrace& w) {
    Require(w.num_tokens >= 0 && w.num_tokens <= kMaxTokens, "num_tokens");
    Require(std::ssize(w.block_digests) == NumBlocks(w), "block_digests");
    Put(w.num_tokens);
    Put(w.nll_sum);
    PutAll(w.block_digests);
    Put(static_cast<int64_t>(w.nll.size()));
    if (w.is_traced()) {
      Traced(w);
    } else {
      Require(w.row_digests.empty() && w.state_digests.empty() &&
                  w.probe == ProbeLogits{},
              "detail of a window without losses");
    }
  }

  void Traced(const WindowTrace& w) {
    const auto fits = [](const auto& values, int64_t full) {
      return values.empty() || std::ssize(values) == full;
    };
    Require(std::ssize(w.nll) == NumLosses(w), "nll");
    Require(fits(w.row_digests, NumRows(trace_, w)), "row_digests");
    Require(fits(w.state_digests, NumStates(trace_, w)), "state_digests");
    Require(w.probe.ids.size() == w.probe.logits.size(), "probe.logits");
    for (const double loss : w.nll) {
      trace_.loss_bytes == 8 ? Put(loss) : Put(Narrow(loss));
    }
    Put(std::ssize(w.row_digests));
    PutAll(w.row_digests);
    Put(std::ssize(w.state_digests));
    PutAll(w.state_digests);
    Put(std::ssize(w.probe.ids));
    PutAll(w.probe.ids);
    PutAll(w.probe.logits);
    Put(w.probe.target_id);
    Put(w.probe.target_logit);
    Put(w.probe.target_nll);
  }

  const Trace& trace_;
  std::string out_;
};

class Reader {
 public:
  Reader(std::string_view bytes, const std::string& source)
      : bytes_(bytes), source_(source) {}

  Trace Read() {
    Header();
    const int64_t windows = Count("number of windows", kMaxTokens);
    // Tokens, sum and number of losses: no window takes less.
    RequireRest(windows, 24, "windows");
    for (int64_t i = 0; i < windows; ++i) {
      Window(&trace_.windows.emplace_back());
    }
    if (position_ != bytes_.size()) {
      throw Bad(position_, std::to_string(bytes_.size() - position_) +
                               " bytes behind the last window, expected none");
    }
    return std::move(trace_);
  }

 private:
  Error Bad(size_t offset, const std::string& what) const {
    return InvalidError(source_ + ": byte " + std::to_string(offset) +
                        " of the unpacked trace: " + what);
  }
  void RequireRest(int64_t count, size_t size, const char* what) const {
    const size_t rest = bytes_.size() - position_;
    if (static_cast<uint64_t>(count) > rest / size) {
      throw Bad(position_, std::to_string(count) + " " + what + " of " +
                               std::to_string(size) + " bytes, but only " +
                               std::to_string(rest) +
                               " bytes remain (truncated?)");
    }
  }

  template <typename T>
  T Get(const char* what) {
    RequireRest(1, sizeof(T), what);
    T value;
    std::memcpy(&value, bytes_.data() + position_, sizeof value);
    position_ += sizeof value;
    return value;
  }
  template <typename T>
  std::vector<T> GetAll(int64_t count, const char* what) {
    RequireRest(count, sizeof(T), what);
    std::vector<T> values(static_cast<size_t>(count));
    if (count > 0) {
      std::memcpy(values.data(), bytes_.data() + position_, count * sizeof(T));
    }
    position_ += values.size() * sizeof(T);
    return values;
  }
  int64_t Count(const char* what, int64_t max) {
    const size_t at = position_;
    const auto value = Get<int64_t>(what);
    if (value < 0 || value > max) {
      throw Bad(at, std::string(what) + " is " + std::to_string(value) +
                        ", expected 0 to " + std::to_string(max));
    }
    return value;
  }
  // 0, or what the shape says.
  int64_t OptionalCount(const char* what, int64_t full) {
    const size_t at = position_;
    const auto value = Get<int64_t>(what);
    if (value != 0 && value != full) {
      throw Bad(at, std::string(what) + " is " + std::to_string(value) +
                        ", expected 0 or " + std::to_string(full));
    }
    return value;
  }

  void Header() {
    if (!bytes_.starts_with(kMagic)) {
      throw Bad(0, "not a trace: expected the letters " + std::string(kMagic));
    }
    position_ = kMagic.size();
    const auto schema = Get<int64_t>("schema");
    if (schema != kGoldenSchema) {
      throw Bad(kMagic.size(), "schema " + std::to_string(schema) +
                                   ", this program reads schema " +
                                   std::to_string(kGoldenSchema) +
                                   "; use the version that wrote it");
    }
    const size_t at = position_;
    trace_.loss_bytes = Get<int64_t>("bytes of a loss");
    if (trace_.loss_bytes != 4 && trace_.loss_bytes != 8) {
      throw Bad(at, "losses of " + std::to_string(trace_.loss_bytes) +
                        " bytes, expected 4 or 8");
    }
    trace_.num_layers = Count("number of layers", kMaxLayers);
    trace_.num_heads = Count("number of heads", kMaxLayers);
  }

  void Window(WindowTrace* w) {
    w->num_tokens = Count("number of tokens", kMaxTokens);
    w->nll_sum = Get<double>("sum of losses");
    w->block_digests = GetAll<uint64_t>(NumBlocks(*w), "block digests");
    const int64_t losses = OptionalCount("number of losses", NumLosses(*w));
    if (losses > 0) Traced(losses, w);
  }

  void Traced(int64_t losses, WindowTrace* w) {
    if (trace_.loss_bytes == 8) {
      w->nll = GetAll<double>(losses, "losses");
    } else {
      const auto narrow = GetAll<uint32_t>(losses, "losses");
      w->nll.resize(narrow.size());
      std::transform(narrow.begin(), narrow.end(), w->nll.begin(), Widen);
    }
    w->row_digests = GetAll<uint32_t>(
        OptionalCount("number of row digests", NumRows(trace_, *w)),
        "row digests");
    w->state_digests = GetAll<uint32_t>(
        OptionalCount("number of state digests", NumStates(trace_, *w)),
        "state digests");
    const int64_t probe = Count("number of probe tokens", kMaxTokens);
    w->probe.ids = GetAll<int32_t>(probe, "probe tokens");
    w->probe.logits = GetAll<float>(probe, "probe logits");
    w->probe.target_id = Get<int32_t>("target token");
    w->probe.target_logit = Get<float>("target logit");
    w->probe.target_nll = Get<double>("target loss");
  }

  std::string_view bytes_;
  const std::string& source_;
  size_t position_ = 0;
  Trace trace_;
};

}  // namespace

std::string EncodeTrace(const Trace& trace) {
  const bool good = (trace.loss_bytes == 4 || trace.loss_bytes == 8) &&
                    trace.num_layers >= 0 && trace.num_layers <= kMaxLayers &&
                    trace.num_heads >= 0 && trace.num_heads <= kMaxLayers;
  if (!good) {
    throw InternalError("a trace that cannot be written: loss_bytes " +
                        std::to_string(trace.loss_bytes) + ", " +
                        std::to_string(trace.num_layers) + " layers, " +
                        std::to_string(trace.num_heads) + " heads");
  }
  return Writer(trace).Write();
}

Trace DecodeTrace(std::string_view bytes, const std::string& source) {
  return Reader(bytes, source).Read();
}

}  // namespace plastometer
