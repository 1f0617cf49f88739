#include "harness/results/case_json.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "base/canonical_json.h"
#include "base/error.h"

namespace plastometer {

namespace {

using Json = nlohmann::json;

template <typename T, typename Convert>
std::map<std::string, T> ReadMap(const Json& object, const std::string& where,
                                 Convert convert) {
  std::map<std::string, T> values;
  for (const auto& [key, value] : object.items()) {
    values.emplace(key, convert(value, where + "." + key));
  }
  return values;
}

CaseMetrics::Tolerance ToleranceOf(const Json& value,
                                   const std::string& where) {
  ObjectReader fields(value, where);
  CaseMetrics::Tolerance tolerance;
  tolerance.max_abs_nll = fields.Float("max_abs_nll");
  tolerance.max_abs_mean_nll = fields.Float("max_abs_mean_nll");
  tolerance.reason = fields.String("reason");
  fields.Finish();
  return tolerance;
}

Json TolerancesJson(const CaseMetrics& metrics) {
  Json all = Json::object();
  for (const auto& [lane, tolerance] : metrics.tolerances) {
    all[lane] = {{"max_abs_nll", FloatJson(tolerance.max_abs_nll)},
                 {"max_abs_mean_nll", FloatJson(tolerance.max_abs_mean_nll)},
                 {"reason", tolerance.reason}};
  }
  return all;
}

}  // namespace

std::string PinsJson(const CasePins& pins) {
  return SealedText({{"suite", pins.suite},
                     {"name", pins.name},
                     {"profile", pins.profile},
                     {"profile_lambdas", pins.profile_lambdas},
                     {"model_name", pins.model_name},
                     {"model_sha256", pins.model_sha256},
                     {"config_json", pins.config_json},
                     {"tokenizer_sha256", pins.tokenizer_sha256},
                     {"data_sha256", pins.data_sha256},
                     {"num_windows", pins.num_windows},
                     {"context_tokens", pins.context_tokens},
                     {"batch_size", pins.batch_size},
                     {"traced_windows", pins.traced_windows},
                     {"expect", pins.expect}});
}

CasePins ParsePins(std::string_view text, const std::string& source) {
  const Json object = ParseSealed(text, source);
  ObjectReader fields(object, source);
  CasePins pins;
  pins.suite = fields.String("suite");
  pins.name = fields.String("name");
  pins.profile = fields.String("profile");
  pins.profile_lambdas = fields.String("profile_lambdas");
  pins.model_name = fields.String("model_name");
  pins.model_sha256 = fields.String("model_sha256");
  pins.config_json = fields.String("config_json");
  pins.tokenizer_sha256 = fields.String("tokenizer_sha256");
  pins.data_sha256 = fields.String("data_sha256");
  pins.num_windows = fields.Integer("num_windows");
  pins.context_tokens = fields.Integer("context_tokens");
  pins.batch_size = fields.Integer("batch_size");
  pins.traced_windows = fields.Integer("traced_windows");
  pins.expect = fields.String("expect");
  fields.Finish();
  if (pins.expect != "finite" && pins.expect != "diverges") {
    throw InvalidError(source + ": expect is \"" + pins.expect +
                       "\", expected \"finite\" or \"diverges\"");
  }
  return pins;
}

std::string MetricsJson(const CaseMetrics& metrics) {
  Json values = Json::object();
  for (const auto& [name, value] : metrics.values) {
    values[name] = FloatJson(value);
  }
  return SealedText({{"numeric_class", metrics.numeric_class},
                     {"lane", metrics.lane},
                     {"code_tree", metrics.code_tree},
                     {"environment", metrics.environment},
                     {"counts", metrics.counts},
                     {"values", std::move(values)},
                     {"hashes", metrics.hashes},
                     {"tolerances", TolerancesJson(metrics)}});
}

CaseMetrics ParseMetrics(std::string_view text, const std::string& source) {
  const Json object = ParseSealed(text, source);
  ObjectReader fields(object, source);
  CaseMetrics metrics;
  metrics.numeric_class = fields.String("numeric_class");
  metrics.lane = fields.String("lane");
  metrics.code_tree = fields.String("code_tree");
  metrics.environment = ReadMap<std::string>(
      fields.Object("environment"), source + ": environment", StringOf);
  metrics.counts =
      ReadMap<int64_t>(fields.Object("counts"), source + ": counts", IntegerOf);
  metrics.values =
      ReadMap<double>(fields.Object("values"), source + ": values", FloatOf);
  metrics.hashes = ReadMap<std::string>(fields.Object("hashes"),
                                        source + ": hashes", StringOf);
  metrics.tolerances = ReadMap<CaseMetrics::Tolerance>(
      fields.Object("tolerances"), source + ": tolerances", ToleranceOf);
  fields.Finish();
  return metrics;
}

}  // namespace plastometer
