#include "harness/report/measured.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "harness/report/format.h"

namespace plastometer {

using Json = nlohmann::ordered_json;

Json NumberJson(const std::optional<double>& value) {
  return value && std::isfinite(*value) ? Json(*value) : Json(nullptr);
}

Json MeasuredJson(const Measured& m) {
  Json json = {{"value", NumberJson(m.value)},
               {"low", NumberJson(m.low)},
               {"high", NumberJson(m.high)}};
  if (!m.reason.empty()) json["reason"] = m.reason;
  return json;
}

Measured ParseMeasured(const nlohmann::json& json) {
  const auto number = [&](const char* key) {
    return json.at(key).is_null() ? std::nullopt
                                  : std::optional<double>(json.at(key));
  };
  return {number("value"), number("low"), number("high"),
          json.value("reason", "")};
}

std::string CsvBounds(const Measured& m) {
  std::string text;
  for (const auto& x : {m.value, m.low, m.high})
    text += "," + CsvNumber(x.value_or(std::nan("")));
  return text;
}

std::string CsvBoundsHeader(const std::string& name) {
  return "," + Csv(name) + "," + Csv(name + "_low") + "," + Csv(name + "_high");
}

std::string MeasuredCell(const Measured& m, int decimals, double scale) {
  if (!m.value || !std::isfinite(*m.value)) return "not available";
  std::string text = Fixed(scale * *m.value, decimals);
  if (m.low && m.high)
    text += " [" + Fixed(scale * *m.low, decimals) + ", " +
            Fixed(scale * *m.high, decimals) + "]";
  return text;
}

}  // namespace plastometer
