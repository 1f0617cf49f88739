// What `plastometer end-to-end` prints.
#pragma once
#include <string>

#include "harness/results/end_to_end_results.h"

namespace plastometer {

std::string EndToEndTable(const EndToEndRun& run,
                          const EndToEndRequest& request, int width);
std::string EndToEndJson(const EndToEndRun& run,
                         const EndToEndRequest& request);

}  // namespace plastometer
