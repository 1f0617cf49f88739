// Which k layers should keep learning, measured: chosen on some works, judged
// on the others beside obvious rivals.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>

#include "harness/run/group.h"
#include "harness/studies/search.h"

namespace plastometer {

struct LayerSearchRequest {
  int64_t size = 0;  // k
  SearchMethod method = SearchMethod::kAuto;
  int threads = 0;  // 0: all cores
};

// `group` was loaded with any profiles. `progress` counts sets tried. Throws
// kUsage (the data have one work; what SearchLayers refuses), Interrupted.
LayerSearchRun MeasureLayerSearch(
    const LoadedGroup& group, const LayerSearchRequest& request,
    const std::function<void(int64_t done, int64_t total)>& progress);

}  // namespace plastometer
