#include "harness/report/search_report.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "harness/report/format.h"
#include "harness/report/json_report.h"
#include "harness/report/table.h"
#include "harness/results/summary.h"

namespace plastometer {
namespace {

bool IsGreedy(const LayerSearchRun& run) {
  return run.search.method == SearchMethod::kGreedy;
}

}  // namespace

std::string SearchTable(const LayerSearchRun& run, int width) {
  std::vector<std::vector<std::string>> rows;
  for (const SearchStep& step : run.search.steps)
    rows.push_back({ProfileOf(step.layers), Fixed(step.loss, 4)});
  const bool greedy = IsGreedy(run);
  return Wrap(std::string(greedy ? "greedy forward selection"
                                 : "exhaustive search") +
                  ", " + Count(run.search.num_sets) + " sets tried on " +
                  Count(static_cast<int64_t>(run.num_tuning)) +
                  " tuning windows; " +
                  (greedy ? "the best of each size" : "the best sets") + ":",
              width) +
         RenderTable({{{"layers"}, true}, {{"nats/token, tuning"}}}, rows,
                     width) +
         "\n" +
         Wrap(
             "The choice judged on the works that it was not made on, beside "
             "the first and last layers and random sets of the same size:",
             width) +
         "\n" + RunTable(Summarise(run.record), {width, false, ""});
}

std::string SearchJson(const LayerSearchRun& run) {
  using Json = nlohmann::ordered_json;
  Json json = ResultsAsJson(Summarise(run.record));
  Json sets = Json::array();
  for (const SearchStep& step : run.search.steps)
    sets.push_back({{"layers", step.layers}, {"tuning_nll_nats", step.loss}});
  json["search"] = {{"method", IsGreedy(run) ? "greedy" : "exhaustive"},
                    {"sets_tried", run.search.num_sets},
                    {"tuning_windows", run.num_tuning},
                    {"best", ProfileOf(run.search.best)},
                    {IsGreedy(run) ? "best_of_each_size" : "best_sets", sets}};
  return FileText(json);
}

}  // namespace plastometer
