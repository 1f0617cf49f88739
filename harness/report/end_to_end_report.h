// What `plastometer end-to-end` prints.
#pragma once
#include <string>

#include "harness/run/end_to_end.h"

namespace plastometer {

std::string EndToEndTable(const EndToEndRun& run,
                          const EndToEndRequest& request, int width);
std::string EndToEndJson(const EndToEndRun& run,
                         const EndToEndRequest& request);

}  // namespace plastometer
