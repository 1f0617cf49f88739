// Results with round numbers: what the reports print is then known beforehand.
#pragma once
#include <string>
#include <vector>

#include "harness/results/summary.h"

namespace plastometer {

inline CaseResult FixedCase(const std::string& profile,
                            const std::string& layers, double nll,
                            double share) {
  CaseResult row;
  row.profile = profile;
  row.plastic_layers = layers;
  row.nll_nats = nll;
  row.nll_sum = nll * 65504;
  row.perplexity = 48.5 + 10 * (nll - 4);
  row.bits_per_byte = nll / 2;
  row.nll = {nll, nll - 0.1, nll + 0.1, ""};
  row.lost = {nll - 4, nll - 4 - 0.01, nll - 4 + 0.02, ""};
  row.retention = {share, share - 0.02, share + 0.03, ""};
  row.counters.tokens = 65536;
  row.counters.inner_updates = static_cast<int64_t>(98304 * share);
  row.counters.inner_updates_skipped = 98304 - row.counters.inner_updates;
  row.counters.flops = static_cast<int64_t>(65536 * (6e6 + 0.7e6 * share));
  row.counters.adaptive_state_bytes = static_cast<int64_t>(798720 * share);
  row.flops_per_token = static_cast<double>(row.counters.flops) / 65536;
  row.updates_saved = 1 - share;
  row.flops_saved = 0.1 * (1 - share);
  row.seconds = 4;
  row.ms_per_1k_tokens = {61.04, 60.0, 62.4, "", Range::kQuartiles};
  row.pareto = {{"flops", share == 1 || share == 0},
                {"inner_updates", true},
                {"ms_per_1k_tokens", std::nullopt}};
  return row;
}

inline SliceResult FixedSlice(const std::string& name, int64_t num_works) {
  SliceResult slice;
  slice.name = name;
  slice.num_windows = 32;
  slice.num_documents = num_works;
  slice.num_works = num_works;
  slice.tokens = 65536;
  slice.scored_tokens = 65504;
  slice.scored_bytes = 200000;
  slice.cases = {FixedCase("uniform", "all", 4, 1),
                 FixedCase("retina", "0-1", 4.3, 0.25),
                 FixedCase("frozen", "none", 4.4, 0)};
  slice.cases[0].retention = {1.0, {}, {}, ""};
  slice.cases[2].retention = {0.0, {}, {}, ""};
  slice.cases[2].asked = false;
  return slice;
}

inline Results FixedResults() {
  Results results;
  RunRecord& r = results.record;
  r.version = "0.1.0";
  r.started_utc = "2026-01-31T12:00:00Z";
  r.model_name = "text-3m";
  r.model_sha256 = std::string(64, 'a');
  r.model_config_json = R"({"num_layers":12})";
  r.model_context_tokens = 2048;
  r.tokenizer_name = "sentencepiece-4096";
  r.tokenizer_sha256 = std::string(64, 'b');
  r.data_name = "held-out text";
  r.data_sha256 = std::string(64, 'c');
  r.lane = "cpu-reference";
  r.num_threads = 2;
  r.context_tokens = 2048;
  r.batch_size = 8;
  r.notes = {"2 short documents were left out"};
  r.windows = {{"pack,age", "novels", "a work", "doc", 0, 3, 10, 0}};
  for (const char* name : {"uniform", "retina", "frozen"}) {
    ProfileRecord p;
    p.name = name;
    p.nll = {1.5, 2.5};
    p.times = {{6, 0.5}};
    r.profiles.push_back(p);
  }
  r.uniform_idx = 0;
  r.frozen_idx = 2;
  results.all = FixedSlice("all", 20);
  results.domains = {FixedSlice("novels", 20), FixedSlice("go", 5)};
  for (CaseResult& row : results.domains[1].cases)
    row.lost = {row.lost.value, {}, {}, "5 works, fewer than 12"};
  results.positions = {{1, 3, 2, {1.5, 2.0, 2.5}}};
  results.num_position_windows = 1;
  return results;
}

}  // namespace plastometer
