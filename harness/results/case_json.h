// Pins and metrics of a case as the files of a golden hold them.
#pragma once
#include <string>
#include <string_view>

#include "harness/results/case.h"

namespace plastometer {

// Sorted, one value a line, sealed (canonical_json.h). Parse* accept exactly
// the texts that *Json write; they throw kInvalid naming `source`, the key or
// line, the value met and what was expected.
std::string PinsJson(const CasePins& pins);
CasePins ParsePins(std::string_view text, const std::string& source);
// Integers exact, floats as {"hex": "0x1.8p+1", "decimal": "3"}; the two must
// agree.
std::string MetricsJson(const CaseMetrics& metrics);
CaseMetrics ParseMetrics(std::string_view text, const std::string& source);

}  // namespace plastometer
