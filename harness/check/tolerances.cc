#include "harness/check/tolerances.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/lane.h"
#include "base/parallel.h"
#include "base/process.h"

namespace plastometer {
namespace fs = std::filesystem;
namespace {

// One cell of the matrix: the suite in a process of its own.
nlohmann::json RunVariant(const ToleranceRequest& request, const LaneVariant& v,
                          const fs::path& work) {
  const fs::path out = work / "run", json = out / "check.json";
  fs::remove_all(out);
  std::vector<std::string> command = {
      fs::read_symlink("/proc/self/exe").string(),
      "check",
      request.suite,
      "--lane",
      v.lane,
      "--threads",
      std::to_string(v.threads),
      "--out",
      out.string(),
      "--goldens",
      request.goldens.string()};
  if (v.batch > 0) {
    command.push_back("--batch");
    command.push_back(std::to_string(v.batch));
  }
  if (v.isa.empty())
    unsetenv("PLASTOMETER_MAX_ISA");
  else
    setenv("PLASTOMETER_MAX_ISA", v.isa.c_str(), 1);
  const ProcessResult result = RunProcess(command, fs::current_path());
  unsetenv("PLASTOMETER_MAX_ISA");
  ThrowIfInterrupted();
  const std::string& said = result.output;  // what went wrong comes last
  const std::string what =
      "lane " + v.lane + ", " + NameOf(v) + ": exit " +
      std::to_string(result.exit_code) + ": " +
      said.substr(said.size() - std::min<size_t>(said.size(), 500));
  if (result.exit_code == static_cast<int>(ErrorKind::kInfrastructure))
    throw InfrastructureError(what);
  if (!fs::exists(json)) throw InvalidError(what);
  return ReadJsonFile(json);
}

}  // namespace

std::string NameOf(const LaneVariant& v) {
  return std::to_string(v.threads) + " threads, batch " +
         (v.batch > 0 ? std::to_string(v.batch) : "of the suite") +
         (v.isa.empty() ? "" : ", at most " + v.isa);
}

std::vector<LaneVariant> VariantsOf(const std::string& lane) {
  const int all = NumCores();
  std::vector<LaneVariant> variants;
  for (const int threads : std::set{1, all})
    for (const int64_t batch : {int64_t{-1}, int64_t{1}})
      variants.push_back({lane, "", threads, batch});
  if (!TraitsOf(lane).is_reference() && !TraitsOf(lane).bf16_products)
    for (const char* isa : {"avx2", "scalar"})
      variants.push_back({lane, isa, all, -1});
  return variants;
}

LaneDifferences MeasureLane(
    const ToleranceRequest& request, const std::string& lane,
    const fs::path& work,
    const std::function<void(const LaneVariant&, const LaneDifference&)>&
        measured) {
  LaneDifferences worst;
  for (const LaneVariant& v : VariantsOf(lane)) {
    LaneDifference all;
    const nlohmann::json report = RunVariant(request, v, work);
    for (const auto& entry : report.at("cases")) {
      if (entry.at("mean_nll_change").is_null())
        throw InvalidError("lane " + lane + ": case " +
                           entry.at("case").get<std::string>() +
                           " cannot be compared: " + entry.at("tiers").dump());
      const auto& traced = entry.at("max_abs_nll_change");  // null: no window
      const double mean = std::abs(entry["mean_nll_change"].get<double>()),
                   most = traced.is_null() ? 0 : traced.get<double>();
      LaneDifference& of_case = worst[entry.at("case")];
      of_case.mean = std::max(of_case.mean, mean);
      of_case.max_abs = std::max(of_case.max_abs, most);
      all.mean = std::max(all.mean, mean);
      all.max_abs = std::max(all.max_abs, most);
    }
    measured(v, all);
  }
  return worst;
}

void SetTolerances(const std::string& case_name,
                   const std::map<std::string, LaneDifferences>& by_lane,
                   CaseMetrics& metrics) {
  for (const auto& [lane, cases] : by_lane) {
    const auto found = cases.find(case_name);
    if (found == cases.end()) continue;
    const LaneDifference& difference = found->second;
    char reason[160];
    std::snprintf(reason, sizeof reason,
                  "%g x the largest difference over threads, batch and "
                  "instruction sets: %.2e, mean %.2e nats",
                  kToleranceMargin, difference.max_abs, difference.mean);
    metrics.tolerances[lane] = {kToleranceMargin * difference.max_abs,
                                kToleranceMargin * difference.mean, reason};
  }
}

}  // namespace plastometer
