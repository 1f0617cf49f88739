#include "harness/results/finished_drift.h"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/canonical_json.h"
#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/safetensors.h"
#include "base/sha256.h"

namespace plastometer {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::json;

// Everything but the points.
DriftRecord ReadAbout(const Json& json, const std::string& where) {
  CheckTexts(json, where);
  DriftRecord record;
  try {
    record.model_name = json.at("model").at("name");
    record.model_sha256 = json.at("model").at("sha256");
    record.tokenizer_sha256 = json.at("tokenizer_sha256");
    record.lane = json.at("lane");
    record.seed = json.at("seed");
    const Json &context = json.at("context"), &probe = json.at("probe");
    record.data_name = context.at("name");
    record.data_sha256 = context.at("sha256");
    for (const Json& c : context.at("texts"))
      record.contexts.push_back({c.at("source"), c.at("domain"), c.at("work"),
                                 c.at("document"), c.at("first_token")});
    record.probe_name = probe.at("name");
    record.probe_sha256 = probe.at("sha256");
    record.probe_windows = probe.at("windows");
    record.probe_works = probe.at("works");
    record.probe_predictions = probe.at("predictions");
    record.probe_nll =
        FloatOf(probe.at("nll_sum_nats"), where + ": nll_sum_nats");
    for (const Json& p : json.at("profiles"))
      record.profiles.push_back(
          {p.at("profile"), p.at("same_as").get<std::vector<std::string>>(),
           p.at("plastic_layers")});
    record.notes = json.at("notes").get<std::vector<std::string>>();
  } catch (const Json::exception& error) {
    throw InvalidError(where + ": " + error.what() +
                       "; expected what 'plastometer drift' writes");
  }
  return record;
}

}  // namespace

bool IsDriftFolder(const fs::path& folder) {
  std::error_code ignored;
  return fs::is_regular_file(folder / kDriftFile, ignored);
}

DriftRecord ReadFinishedDrift(const fs::path& folder) {
  const fs::path about = folder / kDriftFile,
                 points = folder / kDriftPointsFile;
  const Json json = ParseSealed(ReadFile(about), about.string());
  DriftRecord record = ReadAbout(json, about.string());
  const std::string sha256 = Sha256OfFile(points);
  if (json.value("points_sha256", "") != sha256)
    throw InvalidError(points.string() + ": SHA-256 " + sha256 + ", but " +
                       about.string() + " is of points with " +
                       json.value("points_sha256", "none"));
  const SafetensorsFile file(points);
  const auto doubles = [&](const char* name) {
    return ToDoubles(file.Read(name));
  };
  const auto kl = doubles("kl"), js = doubles("js"),
             nll_change = doubles("nll_change"), flips = doubles("flips"),
             distance = doubles("weight_distance");
  const std::vector<int64_t> shape = file.Read("weight_distance").shape;
  record.num_layers = shape.at(3);
  record.num_heads = shape.at(4);
  for (const double position : doubles("positions"))
    record.positions.push_back(static_cast<int64_t>(position));
  const auto per_point =
      static_cast<size_t>(record.num_layers * record.num_heads);
  for (size_t i = 0; i < kl.size(); ++i)
    record.points.push_back(
        {kl[i],
         js[i],
         nll_change[i],
         static_cast<int64_t>(flips[i]),
         {distance.begin() + static_cast<int64_t>(i * per_point),
          distance.begin() + static_cast<int64_t>((i + 1) * per_point)}});
  if (kl.size() !=
      record.profiles.size() * record.positions.size() * record.contexts.size())
    throw InvalidError(points.string() + ": " + std::to_string(kl.size()) +
                       " points; expected one for each of " +
                       std::to_string(record.profiles.size()) + " profiles, " +
                       std::to_string(record.positions.size()) +
                       " positions and " +
                       std::to_string(record.contexts.size()) + " contexts");
  return record;
}

}  // namespace plastometer
