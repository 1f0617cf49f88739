#include "harness/report/measured.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "harness/report/format.h"

namespace plastometer {

using Json = nlohmann::ordered_json;

Json NumberJson(const std::optional<double>& value) {
  return value && std::isfinite(*value) ? Json(*value) : Json(nullptr);
}

std::string RangeName(Range range) {
  return range == Range::kInterval95  ? "interval95"
         : range == Range::kQuartiles ? "quartiles"
                                      : "none";
}

Json MeasuredJson(const Measured& m) {
  Json json = {{"value", NumberJson(m.value)},
               {"low", NumberJson(m.low)},
               {"high", NumberJson(m.high)},
               {"range", RangeName(m.range())}};
  if (!m.reason.empty()) json["reason"] = m.reason;
  return json;
}

Measured ParseMeasured(const nlohmann::json& json, const std::string& where) {
  const auto number = [&](const char* key) {
    return json.at(key).is_null() ? std::nullopt
                                  : std::optional<double>(json.at(key));
  };
  Measured m{number("value"), number("low"), number("high"),
             json.value("reason", "")};
  const std::string range = json.value("range", RangeName(m.range()));
  if (range == RangeName(Range::kQuartiles)) m.kind = Range::kQuartiles;
  if (range != RangeName(m.range()))
    throw InvalidError(where + ": \"range\" is \"" + range +
                       "\", expected \"none\", \"interval95\" or "
                       "\"quartiles\", beside \"low\" and \"high\"");
  return m;
}

std::string CsvBounds(const Measured& m) {
  std::string text;
  for (const auto& x : {m.value, m.low, m.high})
    text += "," + CsvNumber(x.value_or(std::nan("")));
  return text;
}

std::string CsvBoundsHeader(const std::string& name) {
  return "," + CsvCell(name) + "," + CsvCell(name + "_low") + "," +
         CsvCell(name + "_high");
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
