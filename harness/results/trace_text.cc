#include <algorithm>
#include <array>
#include <cstdio>

#include "base/canonical_json.h"
#include "harness/results/trace_file.h"

namespace plastometer {
namespace {

std::string Hex(uint64_t value, int digits) {
  std::array<char, 24> buffer;
  const int size = std::snprintf(buffer.data(), buffer.size(), "%0*llx", digits,
                                 static_cast<unsigned long long>(value));
  return {buffer.data(), static_cast<size_t>(size)};
}

std::string Number(double value) {
  return HexFloat(value) + " " + DecimalFloat(value);
}

class TextWriter {
 public:
  explicit TextWriter(const Trace& trace) : trace_(trace) {}

  std::string Write() && {
    Line("trace schema " + std::to_string(kGoldenSchema) + ", " +
         std::to_string(trace_.num_layers) + " layers, " +
         std::to_string(trace_.num_heads) + " heads, losses of " +
         std::to_string(trace_.loss_bytes) + " bytes, " +
         std::to_string(trace_.windows.size()) + " windows");
    for (size_t i = 0; i < trace_.windows.size(); ++i) Window(i);
    return std::move(out_);
  }

 private:
  void Line(const std::string& text) { out_ += text + "\n"; }

  void Window(size_t index) {
    const WindowTrace& w = trace_.windows[index];
    Line("");
    Line("window " + std::to_string(index) + ": " +
         std::to_string(w.num_tokens) + " tokens, sum " + Number(w.nll_sum) +
         (w.is_traced() ? "" : ", not traced"));
    for (size_t b = 0; b < w.block_digests.size(); ++b) {
      Line("  block " + std::to_string(b) + " " + Hex(w.block_digests[b], 16));
    }
    if (!w.is_traced()) return;
    Tokens(w);
    States(w);
    Probe(w.probe);
  }

  // The loss of token t is that of predicting it, so token 0 has none.
  void Tokens(const WindowTrace& w) {
    const auto width = static_cast<size_t>(trace_.num_layers + 1);
    for (size_t t = 0; t < static_cast<size_t>(w.num_tokens); ++t) {
      std::string line = "  token " + std::to_string(t) + " loss " +
                         (t == 0 ? "none" : Number(w.nll[t - 1]));
      if (!w.row_digests.empty()) line += " rows";
      for (size_t l = 0; l < width && !w.row_digests.empty(); ++l) {
        line += " " + Hex(w.row_digests[t * width + l], 8);
      }
      Line(line);
    }
  }

  // [M, L, H]: one line a mini-batch and layer.
  void States(const WindowTrace& w) {
    const auto layers = static_cast<size_t>(trace_.num_layers);
    const auto heads = static_cast<size_t>(trace_.num_heads);
    for (size_t i = 0; i < w.state_digests.size(); i += heads) {
      std::string line = "  state after mini-batch " +
                         std::to_string(i / heads / layers) + " layer " +
                         std::to_string(i / heads % layers);
      for (size_t h = 0; h < heads; ++h) {
        line += " " + Hex(w.state_digests[i + h], 8);
      }
      Line(line);
    }
  }

  void Probe(const ProbeLogits& probe) {
    for (size_t i = 0; i < probe.ids.size(); ++i) {
      Line("  probe token " + std::to_string(probe.ids[i]) + " logit " +
           Number(probe.logits[i]));
    }
    Line("  probe target " + std::to_string(probe.target_id) + " logit " +
         Number(probe.target_logit) + " loss " + Number(probe.target_nll));
  }

  const Trace& trace_;
  std::string out_;
};

}  // namespace

std::string TraceText(const Trace& trace) { return TextWriter(trace).Write(); }

}  // namespace plastometer
