// A run whose truth is known: each profile loses a fixed number of nats against
// uniform, with scatter by work.
#pragma once
#include <cmath>
#include <string>
#include <vector>

#include "base/philox.h"
#include "harness/report/questions/questions.h"
#include "harness/report/report.h"
#include "harness/stats/basic.h"

namespace plastometer {

struct PlantedProfile {
  std::string name, layers;
  double lost = 0;  // nats per token above uniform, at every position
  int64_t flops = 0, updates = 0, state_bytes = 0;  // of a window
};

inline std::vector<PlantedProfile> PlantedProfiles() {
  return {{"uniform", "all", 0, 1000, 400, 4096},
          {"early:25%", "0", 0.01, 900, 100, 1024},
          {"late:25%", "3", 0.3, 900, 100, 1024},
          {"frozen", "none", 0.4, 800, 0, 0}};
}

// For runs in which every question of losses is asked.
inline std::vector<PlantedProfile> WithGap(double gap) {
  return {{"uniform", "all", 0, 1000, 400, 4096},
          {"uniform;every=4", "all", gap / 4, 900, 100, 4096},
          {"early:25%", "0", gap * 0.01, 900, 100, 1024},
          {"late:25%", "3", gap * 0.7, 900, 100, 1024},
          {"layers:1", "1", gap * 0.3, 900, 100, 1024},
          {"layers:2", "2", gap * 0.5, 900, 100, 1024},
          {"frozen", "none", gap, 800, 0, 0}};
}

inline ReportRun PlantedRun(
    int num_works,
    const std::vector<PlantedProfile>& planted = PlantedProfiles(),
    const std::vector<std::string>& domains = {"prose"}) {
  constexpr int64_t kTokens = 257;
  RunRecord record;
  record.version = "0.1.0";
  record.started_utc = "2026-01-31T12:00:00Z";
  record.model_name = "planted";
  record.model_sha256 = std::string(64, 'a');
  record.data_name = "planted <text> & more";
  record.data_sha256 = std::string(64, 'c');
  record.lane = "cpu-portable";
  record.num_threads = 2;
  record.context_tokens = kTokens;
  record.batch_size = 8;
  record.seed = 1;
  record.uniform_idx = 0;
  record.frozen_idx = planted.size() - 1;
  for (const std::string& domain : domains)
    for (int w = 0; w < num_works; ++w)
      record.windows.push_back(
          {"source", domain, "work " + std::to_string(w), "document", 0,
           kTokens, 3 * (kTokens - 1),
           static_cast<int64_t>(record.windows.size()) * (kTokens - 1)});
  PhiloxStream stream(5, 0);
  const auto normal = [&] {
    return stats::NormalQuantile(stream.NextUniform());
  };
  std::vector<double> base(record.windows.size()), slope(base.size());
  for (double& x : base) x = 3 + 0.4 * normal();
  for (double& x : slope) x = 1 + 0.05 * normal();
  for (const PlantedProfile& plan : planted) {
    ProfileRecord p;
    p.name = plan.name;
    p.plastic_layers = plan.layers;
    if (plan.layers != "none" && plan.name.find(';') != std::string::npos &&
        plan.name.find(";every=") == std::string::npos)
      p.controls = plan.name.substr(plan.name.find(';'));
    p.Resize(base.size() * (kTokens - 1), base.size(), 4);
    for (size_t w = 0; w < base.size(); ++w) {
      for (int64_t t = 0; t < kTokens - 1; ++t)
        p.nll[w * (kTokens - 1) + static_cast<size_t>(t)] =
            base[w] + plan.lost * slope[w] + 0.001 * std::sin(double(t));
      p.counters[w] = {.tokens = kTokens,
                       .inner_updates = plan.updates,
                       .inner_updates_skipped = 400 - plan.updates,
                       .flops = plan.flops,
                       .adaptive_state_bytes = plan.state_bytes};
      p.window_seconds[w] = 0.01;
    }
    for (BatchTime& time : p.times) time = {kTokens * 8, 0.08};
    record.profiles.push_back(std::move(p));
  }
  ReportRun run;
  run.name = "planted";
  run.folder = "runs/planted";
  run.suite = "test";
  run.code_tree = std::string(64, 'd');
  run.numeric_class = "portable-1";
  run.num_layers = 4;
  run.results = Summarise(std::move(record));
  return run;
}

// To one question, with all others of the run asked beside it.
inline Answer AnswerOf(const ReportRun& run, const std::string& id) {
  std::vector<std::vector<Question>> questions = {AskAll(run)};
  Answered(questions, {});
  return Find(questions[0], id).answer;
}

}  // namespace plastometer
