#include "harness/report/sensitivity_report.h"

#include <nlohmann/json.hpp>

#include "base/canonical_json.h"
#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/sha256.h"
#include "harness/report/format.h"
#include "harness/report/measured.h"
#include "harness/results/works.h"

namespace plastometer {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kHashKey[] = "content_sha256";

// Keys sorted, whatever their order in the file.
std::string HashWithoutKey(nlohmann::json json) {
  json.erase(kHashKey);
  return Sha256Hex(json.dump());
}

void CheckHash(const nlohmann::json& json, const std::string& source) {
  const std::string met = HashWithoutKey(json);
  const nlohmann::json said = json.value(kHashKey, nlohmann::json("missing"));
  if (said != met)
    throw InvalidError(source + ": SHA-256 of what it says is " + met +
                       ", but \"" + kHashKey + "\" is " + said.dump() +
                       ": changed since it was written, or of an older "
                       "program; measure again");
}

std::string TitleOf(const std::string& map) {
  if (map == "alone") return "alone: gain";
  if (map == "dropped") return "dropped: cost";
  if (map == "path") return "-dL/dlambda, path";
  return "-dL/dlambda, " + map.substr(std::string("gradient ").size());
}

// Two or three maps beside each other, so that 80 columns hold them.
std::string Tables(const SensitivityRun& run, int width) {
  const size_t at_once = width >= 110 ? 4 : 2;
  std::string text;
  for (size_t first = 0; first < run.maps.size(); first += at_once) {
    std::vector<Column> columns = {{{"layer"}}};
    const size_t end = std::min(first + at_once, run.maps.size());
    for (size_t m = first; m < end; ++m)
      columns.push_back({{TitleOf(run.maps[m].name), "[95 %]"}, true});
    std::vector<std::vector<std::string>> rows;
    for (size_t l = 0; l < run.maps[0].layers.size(); ++l) {
      rows.push_back({std::to_string(l)});
      for (size_t m = first; m < end; ++m)
        rows.back().push_back(MeasuredCell(run.maps[m].layers[l], 4));
    }
    text += RenderTable(columns, rows, width) + "\n";
  }
  return text;
}

}  // namespace

std::string SensitivityTable(const SensitivityRun& run, int width) {
  const RunRecord& r = run.record;
  std::string text =
      Wrap("sensitivity to plasticity: model " + r.model_name + " (sha256 " +
               r.model_sha256.substr(0, 12) + "); map in lane " + r.lane +
               ", gradients in fp32 through the reference arithmetic",
           width) +
      Wrap("data " + r.data_name + " (sha256 " + r.data_sha256.substr(0, 12) +
               "): " + Count(static_cast<int64_t>(r.windows.size())) +
               " windows from " + Count(NumWorks(r)) +
               " works; all in nats per scored token",
           width) +
      "\n" + Tables(run, width);
  std::vector<std::vector<std::string>> rows;
  for (const MapCorrelation& c : run.correlations)
    rows.push_back({c.a, c.b, MeasuredCell(c.rank, 2)});
  return text +
         RenderTable({{{"map"}, true},
                      {{"map"}, true},
                      {{"rank correlation", "[95 %]"}, true}},
                     rows, width) +
         "\n" +
         Wrap(
             "alone: L_frozen - L with this layer learning alone. dropped: L "
             "without it - L_uniform. -dL/dlambda: what more plasticity would "
             "gain, at lambda of all layers; path: mean over lambda from 0 to "
             "1. It ranks layers; it is no attribution.",
             width) +
         Wrap(
             "rank correlation: Spearman's; percentiles over resampled works. "
             "At lambda = 1 training sits at a stationary point: noise there "
             "is no fault.",
             width);
}

LayerMaps ReadLayerMaps(const std::filesystem::path& file) {
  const nlohmann::json json = ParseJson(ReadFile(file), file.string());
  CheckTexts(json, file.string());
  LayerMaps result;
  try {
    if (json.at("command") != "sensitivity")
      throw InvalidError(file.string() + ": \"command\" is " +
                         json.at("command").dump() +
                         ", expected \"sensitivity\"");
    const bool numbered = json.contains("schema_version");
    result.note =
        SchemaNote(numbered ? IntegerOf(json["schema_version"],
                                        file.string() + ": \"schema_version\"")
                            : 1,
                   file.string());
    if (result.note.empty()) CheckHash(json, file.string());  // else: no hash
    result.model_name = json.at("model").at("name");
    result.model_sha256 = json.at("model").at("sha256");
    result.data_name = json.at("data").at("name");
    result.data_sha256 = json.at("data").at("sha256");
    result.lane = json.at("lane");
    result.num_windows =
        IntegerOf(json.at("windows"), file.string() + ": \"windows\"");
    for (const auto& m : json.at("maps")) {
      result.maps.push_back({m.at("map"), {}, {}});
      for (const auto& layer : m.at("layers"))
        result.maps.back().layers.push_back(
            ParseMeasured(layer, file.string()));
      if (result.maps.back().layers.size() != result.maps[0].layers.size())
        throw InvalidError(file.string() +
                           ": \"maps\" have different numbers of layers");
    }
    for (const auto& c : json.at("correlations"))
      result.correlations.push_back(
          {c.at("maps").at(0), c.at("maps").at(1),
           ParseMeasured(c.at("rank_correlation"), file.string())});
  } catch (const nlohmann::json::exception& error) {
    throw InvalidError(file.string() + ": " + error.what() +
                       "; expected what 'plastometer sensitivity --out' "
                       "writes");
  }
  if (result.maps.empty() || result.maps[0].layers.empty())
    throw InvalidError(file.string() + ": no map of any layer");
  return result;
}

std::string SensitivityJson(const SensitivityRun& run) {
  const RunRecord& r = run.record;
  Json maps = Json::array(), correlations = Json::array();
  for (size_t m = 0; m < run.maps.size(); ++m) {
    Json layers = Json::array();
    for (const Measured& layer : run.maps[m].layers)
      layers.push_back(MeasuredJson(layer));
    maps.push_back({{"map", run.maps[m].name}, {"layers", layers}});
    const bool has_blocks = m >= 2 && m - 2 < run.head_blocks.size();
    if (!has_blocks) continue;
    maps.back()["heads"] = run.num_heads;
    maps.back()["blocks"] = run.num_blocks;
    // [layer][head][block], row-major.
    maps.back()["by_layer_head_block"] = run.head_blocks[m - 2];
  }
  for (const MapCorrelation& c : run.correlations)
    correlations.push_back(
        {{"maps", {c.a, c.b}}, {"rank_correlation", MeasuredJson(c.rank)}});
  Json json = {{"program", "plastometer " + r.version},
               {"command", "sensitivity"},
               {"schema_version", kResultsSchemaVersion},
               {"started_utc", r.started_utc},
               {"model", {{"name", r.model_name}, {"sha256", r.model_sha256}}},
               {"data", {{"name", r.data_name}, {"sha256", r.data_sha256}}},
               {"lane", r.lane},
               {"windows", r.windows.size()},
               {"seed", r.seed},
               {"unit", "nats per scored token"},
               {"maps", maps},
               {"correlations", correlations},
               {"notes", r.notes}};
  json[kHashKey] = HashWithoutKey(nlohmann::json::parse(json.dump()));
  return json.dump(1) + "\n";
}

}  // namespace plastometer
