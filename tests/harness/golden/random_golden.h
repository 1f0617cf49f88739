// Goldens of random content, the same on every machine, and a store that holds
// them as `accept` leaves it.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "gtest/gtest.h"
#include "harness/golden/ledger.h"
#include "harness/golden/store.h"
#include "harness/results/trace_file.h"
#include "tests/errors.h"

namespace plastometer {

// The generator's raw numbers only: the standard fixes them, but not what its
// distributions make of them.
class RandomGolden {
 public:
  explicit RandomGolden(uint64_t seed) : random_(seed) {}

  int64_t Below(int64_t limit) {
    return static_cast<int64_t>(random_() % static_cast<uint64_t>(limit));
  }
  double Loss(int64_t loss_bytes) {
    const double value = std::ldexp(static_cast<double>(random_() >> 11), -49);
    return loss_bytes == 8 ? value : static_cast<float>(value);
  }

  WindowTrace Window(const Trace& trace, int64_t num_tokens, bool traced) {
    WindowTrace w;
    w.num_tokens = num_tokens;
    w.nll_sum = Loss(8) * 100;
    const int64_t losses = std::max<int64_t>(num_tokens - 1, 0);
    Fill(&w.block_digests, (losses + kLossBlock - 1) / kLossBlock);
    if (!traced || losses == 0) return w;
    for (int64_t i = 0; i < losses; ++i) {
      w.nll.push_back(Loss(trace.loss_bytes));
    }
    if (Below(8) > 0) Fill(&w.row_digests, num_tokens * (trace.num_layers + 1));
    if (Below(8) > 0) {
      Fill(&w.state_digests,
           num_tokens / 16 * trace.num_layers * trace.num_heads);
    }
    const int64_t probe = Below(4);
    Fill(&w.probe.ids, probe);
    for (int64_t i = 0; i < probe; ++i) {
      w.probe.logits.push_back(static_cast<float>(Loss(4)));
    }
    w.probe.target_id = static_cast<int32_t>(Below(32000));
    w.probe.target_logit = static_cast<float>(Loss(4));
    w.probe.target_nll = Loss(8);
    return w;
  }

  plastometer::Trace Trace() {
    plastometer::Trace trace;
    trace.num_layers = Below(4);
    trace.num_heads = Below(3);
    trace.loss_bytes = Below(2) == 0 ? 4 : 8;
    for (int64_t n = Below(4); n > 0; --n) {
      trace.windows.push_back(Window(trace, Below(150), Below(2) == 0));
    }
    return trace;
  }

  // One golden with a traced and a plain window.
  plastometer::Golden Golden(const std::string& name) {
    plastometer::Golden golden;
    golden.pins = {.suite = "quick",
                   .name = name,
                   .profile = "early:25%",
                   .profile_lambdas = "1,0,0,0",
                   .model_name = "tiny",
                   .model_sha256 = std::string(64, 'a'),
                   .config_json = R"({"layers": 4})",
                   .tokenizer_sha256 = std::string(64, 'b'),
                   .data_sha256 = std::string(64, 'c'),
                   .num_windows = 2,
                   .context_tokens = 70,
                   .batch_size = 2,
                   .traced_windows = 1};
    golden.metrics.numeric_class = kPortableClass;
    golden.metrics.lane = "cpu-portable";
    golden.metrics.code_tree = std::string(40, 'd');
    golden.metrics.environment = {{"compiler", "g++ 12"}, {"isa", "avx2"}};
    golden.metrics.counts = {{"tokens", Below(1000)},
                             {"inner_updates", int64_t{1} << 60}};
    golden.metrics.values = {{"nll_nats", Loss(8)}, {"nll_sum", Loss(8) * 99}};
    golden.metrics.hashes = {{"nll_sha256", std::string(64, 'e')}};
    golden.metrics.tolerances = {{"cpu-native", {1e-3, 1e-5, "measured"}}};
    golden.trace.num_layers = 2;
    golden.trace.num_heads = 2;
    golden.trace.windows = {Window(golden.trace, 70, true),
                            Window(golden.trace, 70, false)};
    return golden;
  }

 private:
  template <typename T>
  void Fill(std::vector<T>* values, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
      values->push_back(static_cast<T>(random_()));
    }
  }

  std::mt19937_64 random_;
};

// Writes a golden and the ledger entry that accepts it.
inline LedgerEntry Bless(const std::filesystem::path& root,
                         const Golden& golden, const std::string& id) {
  LedgerCase c;
  c.suite = golden.pins.suite;
  c.name = golden.pins.name;
  c.numeric_class = golden.metrics.numeric_class;
  c.new_sha256 = GoldenSha256(golden);
  c.code_tree = golden.metrics.code_tree;
  c.new_nll_nats = golden.metrics.values.at("nll_nats");
  const Ledger ledger = Ledger::Read(root);
  const LedgerEntry* before = nullptr;
  if (const LedgerCase* head =
          ledger.Head(c.suite, c.name, c.numeric_class, &before)) {
    c.previous = before->sha256;
    c.old_sha256 = head->new_sha256;
    c.old_nll_nats = head->new_nll_nats;
    c.cumulative_drift_nats = head->cumulative_drift_nats +
                              std::fabs(c.new_nll_nats - c.old_nll_nats);
  }
  LedgerEntry entry{.id = id,
                    .date = "2026-01-31T23:59:59Z",
                    .author = "A. Author <a@example.org>",
                    .reason = "because of " + id,
                    .kind = "accept",
                    .cases = {c},
                    .sha256 = ""};
  WriteGolden(golden, root / golden.pins.suite / golden.pins.name);
  std::filesystem::create_directories(root / kLedgerFolder);
  WriteFile(root / kLedgerFolder / (id + ".json"), LedgerJson(entry));
  return entry;
}

// Without WriteFile's fsync: for thousands of damaged files.
inline void Overwrite(const std::filesystem::path& file,
                      const std::string& content) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << content;
}

}  // namespace plastometer
