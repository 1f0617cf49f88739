#include "harness/report/drift_report.h"

#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/canonical_json.h"
#include "base/text.h"
#include "harness/report/format.h"
#include "harness/report/measured.h"
#include "harness/results/works.h"

namespace plastometer {
namespace {

using Json = nlohmann::json;
using Rows = std::vector<std::vector<std::string>>;

std::string Cell(const Measured& m, int decimals, double scale = 1,
                 bool interval = true) {
  if (!m.value) return "n/a";
  std::string text = Fixed(scale * *m.value, decimals);
  if (interval && m.low)
    text += " [" + Fixed(scale * *m.low, decimals) + ", " +
            Fixed(scale * *m.high, decimals) + "]";
  return text;
}

struct ShownColumn {
  Column column;
  std::function<std::string(const DriftRow&)> cell;
};

std::vector<ShownColumn> Divergences() {
  return {{{{"KL, nats", "[95 %]"}, true},
           [](const DriftRow& r) { return Cell(r.kl, 4); }},
          {{{"JS,", "nats"}},
           [](const DriftRow& r) { return Cell(r.js, 4, 1, false); }},
          {{{"top-1", "flips"}},
           [](const DriftRow& r) { return Percent(r.flips.value); }}};
}

std::vector<ShownColumn> LossAndWeights() {
  return {{{{"change of loss,", "nats [95 %]"}, true},
           [](const DriftRow& r) { return Cell(r.nll_change, 4); }},
          {{{"weights'", "distance"}}, [](const DriftRow& r) {
             return Cell(r.weight_distance, 3, 1, false);
           }}};
}

std::string Table(const DriftRecord& record,
                  const std::vector<std::vector<DriftRow>>& rows,
                  const std::vector<ShownColumn>& shown, int width) {
  std::vector<Column> columns = {
      {{"profile"}, true}, {{"plastic", "layers"}, true}, {{"tokens", "read"}}};
  for (const ShownColumn& s : shown) columns.push_back(s.column);
  Rows cells;
  for (size_t p = 0; p < rows.size(); ++p) {
    for (size_t n = 0; n < rows[p].size(); ++n) {
      cells.push_back({n == 0 ? record.profiles[p].name : "",
                       n == 0 ? record.profiles[p].plastic_layers : "",
                       Count(record.positions[n])});
      for (const ShownColumn& s : shown)
        cells.back().push_back(s.cell(rows[p][n]));
    }
  }
  return RenderTable(columns, cells, width);
}

std::string LayerTable(const DriftRecord& record,
                       const std::vector<std::vector<DriftRow>>& rows,
                       int width) {
  std::string text = "\nweights' distance by layer, after " +
                     Count(record.positions.back()) + " tokens\n";
  std::vector<Column> columns = {{{"layer"}}};
  for (const DriftProfile& p : record.profiles) columns.push_back({{p.name}});
  Rows cells;
  for (int64_t l = 0; l < record.num_layers; ++l) {
    cells.push_back({std::to_string(l)});
    for (const auto& profile : rows) {
      const double d = profile.back().layer_distance[l];
      cells.back().push_back(std::isnan(d) ? "n/a" : Fixed(d, 3));
    }
  }
  return text + RenderTable(columns, cells, width);
}

// As many layers, the first against the last. At the last position.
std::string EarlyAgainstLate(const DriftRecord& record, int width) {
  const auto early = FindProfile(record, "early:25%"),
             late = FindProfile(record, "late:25%");
  if (!early || !late || early == late) return "";
  const Measured difference =
      MeanOf(KlDifferences(record, *early, *late, record.positions.size() - 1),
             static_cast<uint64_t>(record.seed));
  return Wrap(
      "KL of early:25% less that of late:25%: " + Cell(difference, 4) + " nats",
      width);
}

// Does learning less drift less? At the last position.
std::string AgainstFirst(const DriftRecord& record,
                         const std::vector<std::vector<DriftRow>>& rows,
                         int width) {
  if (rows.size() < 2) return "";
  Rows cells;
  for (size_t p = 1; p < rows.size(); ++p)
    cells.push_back(
        {record.profiles[p].name, Cell(rows[p].back().kl_against_first, 4)});
  return "\n" +
         Wrap("KL less that of " + record.profiles[0].name + ", after " +
                  Count(record.positions.back()) + " tokens, paired by work",
              width) +
         RenderTable({{{"profile"}, true}, {{"nats [95 %]"}, true}}, cells,
                     width);
}

std::string Header(const DriftRecord& r, int width) {
  return Wrap("model " + r.model_name + " (sha256 " +
                  r.model_sha256.substr(0, 12) + "), lane " + r.lane,
              width) +
         Wrap("context " + r.data_name + " (sha256 " +
                  r.data_sha256.substr(0, 12) +
                  "): " + Count(static_cast<int64_t>(r.contexts.size())) +
                  " windows from " + Count(r.num_works()) + " works",
              width) +
         Wrap("probe " + r.probe_name + " (sha256 " +
                  r.probe_sha256.substr(0, 12) +
                  "): " + Count(r.probe_windows) + " windows from " +
                  Count(r.probe_works) + " works, " +
                  Count(r.probe_predictions) + " predictions, perplexity " +
                  Perplexity(std::exp(
                      r.probe_nll / static_cast<double>(r.probe_predictions))) +
                  " at W0",
              width);
}

Json ExactJson(const Measured& m) {
  const auto number = [](const std::optional<double>& value) {
    return value ? FloatJson(*value) : Json(nullptr);
  };
  return {{"value", number(m.value)},
          {"low", number(m.low)},
          {"high", number(m.high)},
          {"reason", m.reason}};
}

using Named = std::pair<const char*, const Measured*>;
std::vector<Named> MeasuredOf(const DriftRow& row) {
  return {{"kl_nats", &row.kl},
          {"js_nats", &row.js},
          {"top1_flips", &row.flips},
          {"nll_change_nats", &row.nll_change},
          {"weight_distance", &row.weight_distance},
          {"kl_against_first_nats", &row.kl_against_first}};
}

Json RowJson(const DriftRow& row) {
  Json json;
  for (const auto& [name, measured] : MeasuredOf(row))
    json[name] = ExactJson(*measured);
  json["weight_distance_by_layer"] = Json::array();
  for (const double d : row.layer_distance)
    json["weight_distance_by_layer"].push_back(FloatJson(d));
  return json;
}

Json ContextsJson(const DriftRecord& record) {
  Json contexts = Json::array();
  for (const DriftContext& c : record.contexts)
    contexts.push_back({{"source", c.source},
                        {"domain", c.domain},
                        {"work", c.work},
                        {"document", c.document},
                        {"first_token", c.first_token}});
  return contexts;
}

}  // namespace

std::string DriftTable(const DriftRecord& record, int width, bool per_layer) {
  const auto rows = SummariseDrift(record);
  std::vector<ShownColumn> all = Divergences();
  const std::vector<ShownColumn> rest = LossAndWeights();
  std::string text = Header(record, width) + "\n";
  std::vector<ShownColumn> both = all;
  both.insert(both.end(), rest.begin(), rest.end());
  const std::string whole = Table(record, rows, both, width);
  text += WidestLine(whole) <= width ? whole
                                     : Table(record, rows, all, width) + "\n" +
                                           Table(record, rows, rest, width);
  text += AgainstFirst(record, rows, width) + EarlyAgainstLate(record, width);
  if (per_layer) text += LayerTable(record, rows, width);
  text += "\n" +
          Wrap(
              "KL(p_W0 || p_Wt), Jensen-Shannon, flips of the most probable "
              "token and change of loss: per prediction of the probe text, "
              "read with the state frozen at W_t, against the same text read "
              "at W0.",
              width) +
          Wrap(
              "weights' distance: ||W_t - W0|| / ||W0||, mean over all layers "
              "and heads. [95 %]: over independent works of the context; the "
              "probe text is given.",
              width);
  for (const std::string& note : record.notes)
    text += Wrap("note: " + note, width);
  return text;
}

std::string DriftJson(const DriftRecord& record,
                      const std::string& points_sha256) {
  const auto rows = SummariseDrift(record);
  Json profiles = Json::array();
  for (size_t p = 0; p < rows.size(); ++p) {
    Json positions = Json::array();
    for (size_t n = 0; n < rows[p].size(); ++n) {
      positions.push_back(RowJson(rows[p][n]));
      positions.back()["tokens_read"] = record.positions[n];
    }
    profiles.push_back({{"profile", record.profiles[p].name},
                        {"same_as", record.profiles[p].same_as},
                        {"plastic_layers", record.profiles[p].plastic_layers},
                        {"positions", positions}});
  }
  return SealedText(
      {{"kind", "drift"},
       {"model",
        {{"name", record.model_name}, {"sha256", record.model_sha256}}},
       {"tokenizer_sha256", record.tokenizer_sha256},
       {"lane", record.lane},
       {"seed", record.seed},
       {"context",
        {{"name", record.data_name},
         {"sha256", record.data_sha256},
         {"texts", ContextsJson(record)},
         {"windows", record.contexts.size()},
         {"works", record.num_works()}}},
       {"probe",
        {{"name", record.probe_name},
         {"sha256", record.probe_sha256},
         {"windows", record.probe_windows},
         {"works", record.probe_works},
         {"predictions", record.probe_predictions},
         {"nll_sum_nats", FloatJson(record.probe_nll)}}},
       {"profiles", profiles},
       {"points_sha256", points_sha256},
       {"notes", record.notes}});
}

std::string DriftCsv(const DriftRecord& record) {
  const auto rows = SummariseDrift(record);
  std::string text = "profile,plastic_layers,tokens_read";
  for (const auto& [name, measured] : MeasuredOf(rows[0][0]))
    text += CsvBoundsHeader(name);
  for (int64_t l = 0; l < record.num_layers; ++l)
    text += ",weight_distance_layer_" + std::to_string(l);
  text += "\n";
  for (size_t p = 0; p < rows.size(); ++p) {
    for (size_t n = 0; n < rows[p].size(); ++n) {
      text += CsvCell(record.profiles[p].name) + "," +
              CsvCell(record.profiles[p].plastic_layers) + "," +
              std::to_string(record.positions[n]);
      for (const auto& [name, m] : MeasuredOf(rows[p][n]))
        text += CsvBounds(*m);
      for (const double d : rows[p][n].layer_distance)
        text += "," + CsvNumber(d);
      text += "\n";
    }
  }
  return text;
}

}  // namespace plastometer
