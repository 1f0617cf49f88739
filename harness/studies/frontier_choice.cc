#include "harness/studies/frontier_choice.h"

#include <map>
#include <string>

#include "base/error.h"
#include "harness/results/works.h"

namespace plastometer {

FrontierChoice ChooseFrontier(
    const RunRecord& planned, const FrontierSpace& space,
    const FrontierRequest& request, const MeasureWindows& measure,
    const std::function<void(int64_t done, int64_t total)>& progress) {
  if (DivideByWork(planned).evaluated.empty())
    throw UsageError(
        "search --frontier: the data have one work; what is chosen on a work "
        "must be judged on another");
  const std::vector<size_t> tuning =
      TuningWindows(planned, request.tuning_windows);
  const std::map<std::string, size_t> places = WorkPlaces(planned, tuning);
  int64_t done = 0;
  const auto by_work = [&](const Profile& profile, int64_t total) {
    const WindowsMeasured measured = measure(profile, tuning);
    ProfileMeasured point{std::vector<stats::WorkTotals>(places.size()),
                          measured.cost};
    for (size_t i = 0; i < tuning.size(); ++i) {
      const WindowRecord& window = planned.windows[tuning[i]];
      stats::WorkTotals& work = point.works[places.at(WorkKey(window))];
      work.sum += measured.nats.at(i);
      work.weight += static_cast<double>(window.num_scored());
    }
    ++done;
    // Profiles that are no candidates are not counted.
    if (progress && done <= total) progress(done, total);
    return point;
  };
  FrontierChoice choice =
      SearchFrontier(space, request.cost, request.options, by_work);
  choice.num_windows = tuning.size();
  return choice;
}

}  // namespace plastometer
