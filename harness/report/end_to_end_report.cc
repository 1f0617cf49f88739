#include "harness/report/end_to_end_report.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "harness/report/format.h"
#include "harness/report/measured.h"
#include "harness/results/works.h"

namespace plastometer {
namespace {

using Json = nlohmann::ordered_json;

double PerToken(int64_t flops, const EndToEndCost& cost) {
  return static_cast<double>(flops) / static_cast<double>(cost.tokens);
}

std::string Works(const EndToEndRun& run, size_t num_windows) {
  return Count(static_cast<int64_t>(num_windows)) + " windows from " +
         Count(NumWorks(run.record)) + " works";
}

std::string Short4(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

double Seconds(const EndToEndCost& c) {
  return c.forward_seconds + c.backward_seconds + c.update_seconds;
}

}  // namespace

std::string EndToEndTable(const EndToEndRun& run,
                          const EndToEndRequest& request, int width) {
  const RunRecord& r = run.record;
  const EndToEndCost& uniform = run.rows[run.uniform_idx].cost;
  std::vector<Column> quality = {{{"profile"}, true},
                                 {{"adapted", "layers"}, true},
                                 {{"rate"}},
                                 {{"perplex-", "ity"}},
                                 {{"nats gained over", "frozen [95 %]"}, true},
                                 {{"adapted", "weights"}}};
  std::vector<Column> cost = {{{"profile"}, true},
                              {{"forward", "FLOPs"}},
                              {{"back-", "ward"}},
                              {{"of", "uniform's"}},
                              {{"time, of", "uniform's [95 %]"}, true},
                              {{"ms/1k", "tokens"}},
                              {{"activ-", "ations"}}};
  std::vector<std::vector<std::string>> quality_rows, cost_rows;
  for (const EndToEndRow& row : run.rows) {
    const EndToEndCost& c = row.cost;
    const bool is_uniform = &row == &run.rows[run.uniform_idx];
    quality_rows.push_back(
        {row.profile, row.plastic_layers, row.rate > 0 ? Short4(row.rate) : "-",
         row.nll.value ? Perplexity(std::exp(*row.nll.value)) : "diverged",
         row.rate > 0 ? MeasuredCell(row.gained, 4) : "0 (reference)",
         Bytes(c.adapted_bytes)});
    cost_rows.push_back(
        {row.profile, Short(PerToken(c.forward_flops, c)),
         Short(PerToken(c.backward_flops + c.update_flops, c)),
         Fixed(PerToken(c.flops(), c) / PerToken(uniform.flops(), uniform), 3),
         is_uniform ? "1 (reference)" : MeasuredCell(row.time_ratio, 3),
         Fixed(1e6 * Seconds(c) / static_cast<double>(c.tokens), 0),
         Bytes(c.peak_activation_bytes)});
  }
  return Wrap("end-to-end adaptation: model " + r.model_name + " (sha256 " +
                  r.model_sha256.substr(0, 12) + "), " +
                  (request.fp64 ? "fp64" : "fp32") + ", chunks of " +
                  std::to_string(request.chunk_tokens) + " tokens, state " +
                  (request.carry ? "carried on" : "reset at each chunk") +
                  ", " + std::to_string(request.threads) + " thread(s)",
              width) +
         Wrap("data " + r.data_name + " (sha256 " +
                  r.data_sha256.substr(0, 12) +
                  "): " + Works(run, run.evaluated.size()) +
                  (run.tuning.empty()
                       ? ""
                       : "; rates chosen on " +
                             Count(static_cast<int64_t>(run.tuning.size())) +
                             " windows of other works"),
              width) +
         "\n" + RenderTable(quality, quality_rows, width) + "\n" +
         RenderTable(cost, cost_rows, width) + "\n" +
         Wrap(
             "adapted layers: SwiGLU matrices take an SGD step on the "
             "next-token loss after each chunk; the TTT layers learn as ever, "
             "in every row, frozen included.",
             width) +
         Wrap(
             "FLOPs: per token. backward: with the update. time: window by "
             "window, geometric "
             "mean of the ratios. activations: most bytes of tensors alive "
             "within a chunk, beyond weights and carried state.",
             width);
}

std::string EndToEndJson(const EndToEndRun& run,
                         const EndToEndRequest& request) {
  const RunRecord& r = run.record;
  Json rows = Json::array();
  for (const EndToEndRow& row : run.rows) {
    const EndToEndCost& c = row.cost;
    rows.push_back({{"profile", row.profile},
                    {"plastic_layers", row.plastic_layers},
                    {"rate", row.rate},
                    {"nll_nats", MeasuredJson(row.nll)},
                    {"nats_gained_over_frozen", MeasuredJson(row.gained)},
                    {"tokens", c.tokens},
                    {"steps", c.steps},
                    {"forward_flops", c.forward_flops},
                    {"backward_flops", c.backward_flops},
                    {"update_flops", c.update_flops},
                    {"forward_seconds", c.forward_seconds},
                    {"backward_seconds", c.backward_seconds},
                    {"update_seconds", c.update_seconds},
                    {"time_over_uniform", MeasuredJson(row.time_ratio)},
                    {"peak_activation_bytes", c.peak_activation_bytes},
                    {"adapted_bytes", c.adapted_bytes}});
  }
  const Json json = {
      {"program", "plastometer " + r.version},
      {"command", "end-to-end"},
      {"started_utc", r.started_utc},
      {"model", {{"name", r.model_name}, {"sha256", r.model_sha256}}},
      {"data", {{"name", r.data_name}, {"sha256", r.data_sha256}}},
      {"dtype", request.fp64 ? "fp64" : "fp32"},
      {"chunk_tokens", request.chunk_tokens},
      {"carry", request.carry},
      {"threads", request.threads},
      {"rates", request.rates},
      {"tuning_windows", run.tuning.size()},
      {"evaluated_windows", run.evaluated.size()},
      {"seed", r.seed},
      {"notes", r.notes},
      {"rows", rows}};
  return json.dump(1) + "\n";
}

}  // namespace plastometer
