#include "harness/report/json_report.h"

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "harness/report/columns.h"
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

Json ValueJson(const ColumnValue& value) {
  if (const auto* m = std::get_if<Measured>(&value)) return MeasuredJson(*m);
  if (const auto* x = std::get_if<double>(&value)) return NumberJson(*x);
  if (std::holds_alternative<std::monostate>(value)) return nullptr;
  if (const auto* marks =
          std::get_if<std::map<std::string, std::optional<bool>>>(&value)) {
    Json json;
    for (const auto& [cost, mark] : *marks)
      json[cost] = mark ? Json(*mark) : Json(nullptr);
    return json;
  }
  if (const auto* n = std::get_if<int64_t>(&value)) return *n;
  if (const auto* holds = std::get_if<bool>(&value)) return *holds;
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  return std::get<std::vector<std::string>>(value);
}

void AddCases(const Results& results, const SliceResult& slice, Json& cases) {
  for (const CaseResult& row : slice.cases) {
    Json json;
    for (const ResultColumn& column : ResultColumns())
      if (column.stands_in(kJson) && column.AppliesTo(results, slice, kJson))
        json[column.id] = ValueJson(column.value({results, slice, row}));
    cases.push_back(std::move(json));
  }
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

Json ResultsAsJson(const Results& results) {
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
  AddCases(results, results.all, json["cases"]);
  for (const SliceResult& d : results.domains)
    AddCases(results, d, json["cases"]);
  json["positions"] = PositionsJson(results);
  if (!results.conditions.empty()) json["conditions"] = ConditionsJson(results);
  if (results.continual) json["continual"] = ContinualJson(*results.continual);
  json["batch_times"] = TimesJson(r);
  return json;
}

std::string FileText(const Json& json) {
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string ResultsJson(const Results& results) {
  return FileText(ResultsAsJson(results));
}

}  // namespace plastometer
