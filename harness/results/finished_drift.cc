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

constexpr double kMaxPosition = 0x1p40;

// Everything but the points.
DriftRecord ReadAbout(const Json& json, const std::string& where) {
  CheckTexts(json, where);
  DriftRecord record;
  const auto integer = [&](const Json& object, const char* key) {
    return IntegerOf(object.at(key), where + ": \"" + key + "\"");
  };
  try {
    record.model_name = json.at("model").at("name");
    record.model_sha256 = json.at("model").at("sha256");
    record.tokenizer_sha256 = json.at("tokenizer_sha256");
    record.lane = json.at("lane");
    record.seed = integer(json, "seed");
    const Json &context = json.at("context"), &probe = json.at("probe");
    record.data_name = context.at("name");
    record.data_sha256 = context.at("sha256");
    for (const Json& c : context.at("texts"))
      record.contexts.push_back({c.at("source"), c.at("domain"), c.at("work"),
                                 c.at("document"), integer(c, "first_token")});
    record.probe_name = probe.at("name");
    record.probe_sha256 = probe.at("sha256");
    record.probe_windows = integer(probe, "windows");
    record.probe_works = integer(probe, "works");
    record.probe_predictions = integer(probe, "predictions");
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
  if (record.profiles.empty() || record.contexts.empty() ||
      record.probe_predictions < 1)
    throw InvalidError(where + ": " + std::to_string(record.profiles.size()) +
                       " profiles, " + std::to_string(record.contexts.size()) +
                       " contexts, " +
                       std::to_string(record.probe_predictions) +
                       " predictions; expected at least one of each");
  return record;
}

// The arrays of drift.safetensors, each of the shape that it must have.
class Points {
 public:
  Points(const fs::path& path, const DriftRecord& about)
      : file_(path), about_(about) {}

  void ReadInto(DriftRecord& record) const {
    const std::vector<int64_t> shape = file_.Read("weight_distance").shape;
    if (shape.size() != 5 || shape[3] < 1 || shape[4] < 1)
      throw Wrong("weight_distance", shape,
                  "[profiles, positions, contexts, layers, heads]");
    record.num_layers = shape[3];
    record.num_heads = shape[4];
    record.positions = Positions();
    const auto N = static_cast<int64_t>(record.positions.size());
    const auto kl = Doubles("kl", N), js = Doubles("js", N),
               nll_change = Doubles("nll_change", N),
               flips = Doubles("flips", N),
               distance = Doubles("weight_distance", N, {shape[3], shape[4]});
    const int64_t per_point = shape[3] * shape[4];
    for (size_t i = 0; i < kl.size(); ++i) {
      if (!(flips[i] >= 0 &&
            flips[i] <= static_cast<double>(record.probe_predictions)))
        throw InvalidError(file_.path().string() + ": flips[" +
                           std::to_string(i) + "] is " +
                           std::to_string(flips[i]) + "; expected 0 to " +
                           std::to_string(record.probe_predictions));
      const auto begin = distance.begin() + static_cast<int64_t>(i) * per_point;
      record.points.push_back({kl[i],
                               js[i],
                               nll_change[i],
                               static_cast<int64_t>(flips[i]),
                               {begin, begin + per_point}});
    }
  }

 private:
  Error Wrong(const char* name, const std::vector<int64_t>& shape,
              const std::string& expected) const {
    return InvalidError(file_.path().string() + ": " + name + " is " +
                        ShapeText(shape) + "; expected " + expected);
  }

  // [profiles, positions, contexts, rest...]
  std::vector<double> Doubles(const char* name, int64_t num_positions,
                              const std::vector<int64_t>& rest = {}) const {
    std::vector<int64_t> expected = {
        static_cast<int64_t>(about_.profiles.size()), num_positions,
        static_cast<int64_t>(about_.contexts.size())};
    expected.insert(expected.end(), rest.begin(), rest.end());
    const HostTensor tensor = file_.Read(name);
    if (tensor.shape != expected)
      throw Wrong(name, tensor.shape, ShapeText(expected));
    return ToDoubles(tensor);
  }

  std::vector<int64_t> Positions() const {
    const HostTensor tensor = file_.Read("positions");
    if (tensor.shape.size() != 1 || tensor.shape[0] < 1)
      throw Wrong("positions", tensor.shape, "a list of at least one");
    std::vector<int64_t> positions;
    for (const double position : ToDoubles(tensor)) {
      if (!(position >= 0 && position <= kMaxPosition))
        throw InvalidError(file_.path().string() + ": a position is " +
                           std::to_string(position) + "; expected tokens");
      positions.push_back(static_cast<int64_t>(position));
    }
    return positions;
  }

  const SafetensorsFile file_;
  const DriftRecord& about_;
};

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
  Points(points, record).ReadInto(record);
  return record;
}

}  // namespace plastometer
