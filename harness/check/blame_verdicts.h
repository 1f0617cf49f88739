// What a case that did not pass is put down to: code or environment.
#pragma once
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "harness/check/check.h"

namespace plastometer {

struct BlameRequest {
  std::filesystem::path goldens;  // the store
  std::string lane;               // empty: the suite's
};

// What the code of `commit` said of the case, as its check.json reports it:
// CODE-CHANGE where it still gives the golden here, ENV-DRIFT where it does not.
std::string BlameVerdict(const std::string& commit,
                         const nlohmann::json& check_report,
                         const CheckedCase& checked);

// A line for each case that did not pass. The code that made its golden is
// built once each and checks the same suite here. What goes wrong with that
// stands in the line.
std::vector<std::string> BlameLines(const BlameRequest& request,
                                    const SuiteRun& run,
                                    const std::vector<CheckedCase>& cases);

}  // namespace plastometer
