#include "model/profile_file.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"

namespace plastometer {
namespace {

constexpr uint64_t kMaxProfileFileBytes = 16 << 20;

LayerSchedule ScheduleFromJson(const std::string& profile, size_t l,
                               const nlohmann::json& json) {
  const auto fail = [&](const std::string& what) {
    FailProfile(profile, "layers[" + std::to_string(l) + "]: " + what);
  };
  const auto scale = [&](const nlohmann::json& value) {
    if (!value.is_number()) fail("lambda " + value.dump() + " is not a number");
    const double number = value.get<double>();
    if (!(number >= 0 && number <= kMaxScale))
      fail("lambda " + value.dump() + "; expected a number from 0 to 1e9");
    return number;
  };
  LayerSchedule schedule;
  if (json.is_number()) {
    schedule.lambda = scale(json);
    return schedule;
  }
  if (!json.is_object()) fail("expected a number or an object");
  for (const auto& [key, value] : json.items()) {
    if (key == "lambda") {
      schedule.lambda = scale(value);
    } else if (key == "lambdas" && value.is_array()) {
      for (const auto& element : value)
        schedule.explicit_lambdas.push_back(scale(element));
    } else if (key == "until" && value.is_number_integer()) {
      schedule.until_tokens = value.get<int64_t>();
      CheckUntil(profile, schedule.until_tokens);
    } else if (key == "every" && value.is_number_integer()) {
      schedule.every = value.get<int64_t>();
      CheckEvery(profile, schedule.every);
    } else {
      fail("unexpected key or type: '" + key + "': " + value.dump());
    }
  }
  if (json.contains("lambdas") &&
      (json.size() > 1 || schedule.explicit_lambdas.empty())) {
    fail("'lambdas' must name a multiplier, and stands alone");
  }
  return schedule;
}

}  // namespace

std::vector<LayerSchedule> ReadProfileFile(const std::string& profile,
                                           const std::string& path,
                                           int64_t num_layers) {
  const std::string text = ReadFile(path, kMaxProfileFileBytes);
  nlohmann::json json;
  try {
    json = ParseJson(text, path);
  } catch (const Error& error) {
    FailProfile(profile, error.what());
  }
  if (!json.is_object() || !json.contains("layers") ||
      !json["layers"].is_array()) {
    FailProfile(profile, path + ": expected an object with an array 'layers'");
  }
  if (static_cast<int64_t>(json["layers"].size()) != num_layers) {
    FailProfile(profile,
                path + " has " + std::to_string(json["layers"].size()) +
                    " layers; the model has " + std::to_string(num_layers));
  }
  std::vector<LayerSchedule> layers;
  for (size_t l = 0; l < json["layers"].size(); ++l)
    layers.push_back(ScheduleFromJson(profile, l, json["layers"][l]));
  return layers;
}

}  // namespace plastometer
