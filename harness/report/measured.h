// A number with its interval, as tables and JSON show it.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "harness/results/summary.h"

namespace plastometer {

// null for what is missing or not finite.
nlohmann::ordered_json NumberJson(const std::optional<double>& value);
// "none", "interval95", "quartiles".
std::string RangeName(Range range);
// {"value", "low", "high", "range"}, and "reason" where one is given.
nlohmann::ordered_json MeasuredJson(const Measured& m);
// What MeasuredJson wrote; without "range" (schema 1, of which only 95 %
// intervals are read back) an interval. Throws kInvalid and
// nlohmann::json::exception.
Measured ParseMeasured(const nlohmann::json& json, const std::string& where);
// ",value,low,high"; empty cells for what is missing.
std::string CsvBounds(const Measured& m);
// ",name,name_low,name_high"
std::string CsvBoundsHeader(const std::string& name);
// "0.123 [0.100, 0.150]"; without an interval the number alone; "not
// available".
std::string MeasuredCell(const Measured& m, int decimals, double scale = 1);

}  // namespace plastometer
