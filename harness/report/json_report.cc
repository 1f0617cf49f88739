#include "harness/report/json_report.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "harness/report/measured.h"

namespace plastometer {
namespace {

using Json = nlohmann::ordered_json;

Json Known(int64_t value) { return value >= 0 ? Json(value) : Json(nullptr); }

Json PlanJson(const RunRecord& r) {
  Json json;
  json["model"] = {{"name", r.model_name},
                   {"path", r.model_path},
                   {"sha256", r.model_sha256},
                   {"context_tokens", r.model_context_tokens},
                   {"config", r.model_config_json.empty()
                                  ? Json(nullptr)
                                  : Json::parse(r.model_config_json)}};
  json["tokenizer"] = {{"name", r.tokenizer_name},
                       {"sha256", r.tokenizer_sha256}};
  json["data"] = {{"name", r.data_name}, {"sha256", r.data_sha256}};
  json["lane"] = r.lane;
  json["threads"] = r.num_threads;
  json["context_tokens"] = r.context_tokens;
  json["batch_size"] = r.batch_size;
  json["seed"] = r.seed;
  json["profiles"] = Json::array();
  for (const ProfileRecord& p : r.profiles) {
    json["profiles"].push_back({{"name", p.name},
                                {"same_multipliers_as", p.same_as},
                                {"asked", p.asked},
                                {"plastic_layers", p.plastic_layers}});
  }
  return json;
}

Json SliceJson(const SliceResult& slice) {
  return {{"name", slice.name},
          {"windows", slice.num_windows},
          {"documents", slice.num_documents},
          {"works", slice.num_works},
          {"tokens", slice.tokens},
          {"scored_tokens", slice.scored_tokens},
          {"scored_bytes", Known(slice.scored_bytes)},
          {"estimates_only", slice.num_works < kMinWorks},
          {"enough_for_verdict", slice.num_works >= kMinWorksForVerdict}};
}

void AddCounters(const CaseResult& row, Json& json) {
  const Counters& c = row.counters;
  json["inner_updates"] = c.inner_updates;
  json["inner_updates_skipped"] = c.inner_updates_skipped;
  json["inner_gradient_tokens"] = c.inner_gradient_tokens;
  json["inner_updates_saved"] = NumberJson(row.updates_saved);
  json["flops"] = c.flops;
  json["flops_per_token"] = NumberJson(row.flops_per_token);
  json["flops_saved"] = NumberJson(row.flops_saved);
  json["bytes_moved"] = c.bytes_moved;
  json["adaptive_state_bytes"] = c.adaptive_state_bytes;
  json["carry_bytes"] = c.carry_bytes;
}

Json CaseJson(const RunRecord& r, const SliceResult& slice,
              const CaseResult& row) {
  Json json;
  json["model"] = r.model_name;
  json["slice"] = slice.name;
  json["profile"] = row.profile;
  json["same_multipliers_as"] = row.same_as;
  json["asked"] = row.asked;
  json["lane"] = r.lane;
  json["plastic_layers"] = row.plastic_layers;
  json["tokens"] = slice.tokens;
  json["scored_tokens"] = slice.scored_tokens;
  json["scored_bytes"] = Known(slice.scored_bytes);
  json["windows"] = slice.num_windows;
  json["works"] = slice.num_works;
  json["nll_nats"] = NumberJson(row.nll_nats);
  json["nll_sum_nats"] = NumberJson(row.nll_sum);
  json["perplexity"] = NumberJson(row.perplexity);
  json["bits_per_byte"] = NumberJson(row.bits_per_byte);
  json["diverged"] = !std::isfinite(row.nll_nats);
  json["nll_interval"] = MeasuredJson(row.nll);
  json["nats_lost_against_uniform"] = MeasuredJson(row.lost);
  if (slice.floor_nats) {
    json["floor_nats"] = *slice.floor_nats;
    json["nats_above_floor"] = MeasuredJson(row.above_floor);
  }
  if (r.accuracy) json["accuracy"] = MeasuredJson(row.accuracy);
  json["retention"] = MeasuredJson(row.retention);
  AddCounters(row, json);
  json["seconds"] = row.seconds;
  json["ms_per_1k_tokens"] = MeasuredJson(row.ms_per_1k_tokens);
  json["peak_memory_bytes"] = Known(r.peak_memory_bytes);
  for (const auto& [cost, mark] : row.pareto)
    json["pareto"][cost] = mark ? Json(*mark) : Json(nullptr);
  return json;
}

Json TimesJson(const RunRecord& r) {
  Json json = Json::array();
  for (const ProfileRecord& p : r.profiles) {
    Json batches = Json::array();
    for (const BatchTime& t : p.times)
      batches.push_back({{"tokens", t.tokens}, {"seconds", t.seconds}});
    json.push_back({{"profile", p.name}, {"batches", batches}});
  }
  return json;
}

Json BinsJson(const RunRecord& record, const std::vector<PositionBin>& bins) {
  Json json = Json::array();
  for (const PositionBin& bin : bins) {
    Json nll;
    for (size_t p = 0; p < bin.nll_nats.size(); ++p)
      nll[record.profiles[p].name] = NumberJson(bin.nll_nats[p]);
    json.push_back({{"from", bin.from},
                    {"to", bin.to},
                    {"scored_tokens", bin.scored_tokens},
                    {"nll_nats", nll}});
  }
  return json;
}

Json PositionsJson(const Results& results) {
  return {{"windows", results.num_position_windows},
          {"bins", BinsJson(results.record, results.positions)}};
}

Json ConditionsJson(const Results& results) {
  Json json = Json::array();
  for (const ConditionResult& c : results.conditions) {
    Json rows = Json::array();
    for (size_t p = 0; p < c.rows.size(); ++p)
      rows.push_back({{"profile", results.record.profiles[p].name},
                      {"nll_nats", MeasuredJson(c.rows[p].nll)},
                      {"change", MeasuredJson(c.rows[p].change)},
                      {"change_beyond_frozen",
                       MeasuredJson(c.rows[p].change_beyond_frozen)}});
    json.push_back({{"condition", c.name},
                    {"windows", c.num_windows},
                    {"works", c.num_works},
                    {"scored_tokens", c.scored_tokens},
                    {"profiles", rows},
                    {"positions", BinsJson(results.record, c.positions)}});
  }
  return json;
}

Json ContinualJson(const ContinualResult& c) {
  Json rows = Json::array();
  for (const ContinualRow& row : c.rows)
    rows.push_back({{"reader", row.name},
                    {"nll_nats", MeasuredJson(row.loss)},
                    {"above_remembering", MeasuredJson(row.above_remembering)},
                    {"above_resetting", MeasuredJson(row.above_resetting)},
                    {"backward_transfer", MeasuredJson(row.transfer)},
                    {"recovery_tokens", MeasuredJson(row.recovery)}});
  return {{"away", c.away},
          {"back", c.back},
          {"tokens", c.num_tokens},
          {"works", c.num_works},
          {"span_tokens", kContinualSpan},
          {"recovery_margin_nats", kRecoveryMargin},
          {"rows", rows}};
}

}  // namespace

std::string ResultsJson(const Results& results) {
  const RunRecord& r = results.record;
  Json json;
  json["schema_version"] = kResultsSchemaVersion;
  json["program"] = "plastometer " + r.version;
  json["started_utc"] = r.started_utc;
  json["wall_seconds"] = r.wall_seconds;
  json["plan"] = PlanJson(r);
  json["notes"] = r.notes;
  json["notes"].push_back(
      "peak_memory_bytes is that of the whole process; a batch's time is "
      "shared equally among its windows");
  json["slices"] = Json::array({SliceJson(results.all)});
  for (const SliceResult& d : results.domains)
    json["slices"].push_back(SliceJson(d));
  json["cases"] = Json::array();
  for (const CaseResult& row : results.all.cases)
    json["cases"].push_back(CaseJson(r, results.all, row));
  for (const SliceResult& d : results.domains) {
    for (const CaseResult& row : d.cases)
      json["cases"].push_back(CaseJson(r, d, row));
  }
  json["positions"] = PositionsJson(results);
  if (!results.conditions.empty()) json["conditions"] = ConditionsJson(results);
  if (results.continual) json["continual"] = ContinualJson(*results.continual);
  json["batch_times"] = TimesJson(r);
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace plastometer
