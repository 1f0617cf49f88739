#include "harness/report/measured.h"

#include <cmath>

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

std::string MeasuredCell(const Measured& m, int decimals, double scale) {
  if (!m.value || !std::isfinite(*m.value)) return "not available";
  std::string text = Fixed(scale * *m.value, decimals);
  if (m.low && m.high)
    text += " [" + Fixed(scale * *m.low, decimals) + ", " +
            Fixed(scale * *m.high, decimals) + "]";
  return text;
}

}  // namespace plastometer
