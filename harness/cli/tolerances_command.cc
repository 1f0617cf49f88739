#include "harness/cli/tolerances_command.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/lane.h"
#include "base/parallel.h"
#include "base/process.h"
#include "harness/cli/suite_run.h"
#include "harness/golden/compare.h"
#include "harness/golden/store.h"

namespace plastometer {
namespace fs = std::filesystem;
namespace {

// A limit is this many times the largest difference that was measured.
constexpr double kMargin = 2;

struct TolerancesArguments {
  SuiteArguments suite;
  std::string goldens;
  std::vector<std::string> lanes = {"cpu-native", "cpu-native-bf16",
                                    "cpu-reference", "cpu-reference-fp64"};
};

struct Variant {
  std::string lane, isa;  // isa empty: no cap
  int threads = 1;
  int64_t batch = -1;
};

std::string NameOf(const Variant& v) {
  return std::to_string(v.threads) + " threads, batch " +
         (v.batch > 0 ? std::to_string(v.batch) : "of the suite") +
         (v.isa.empty() ? "" : ", at most " + v.isa);
}

std::vector<Variant> VariantsOf(const std::string& lane) {
  const int all = NumCores();
  std::vector<Variant> variants;
  for (const int threads : std::set{1, all})
    for (const int64_t batch : {int64_t{-1}, int64_t{1}})
      variants.push_back({lane, "", threads, batch});
  if (!TraitsOf(lane).is_reference() && !TraitsOf(lane).bf16_products)
    for (const char* isa : {"avx2", "scalar"})
      variants.push_back({lane, isa, all, -1});
  return variants;
}

struct Difference {
  double max_abs = 0, mean = 0;  // nats
};

// One cell of the matrix: the suite in a process of its own.
nlohmann::json RunVariant(const TolerancesArguments& a, const Variant& v,
                          const fs::path& root, const fs::path& work) {
  const fs::path out = work / "run", json = work / "check.json";
  fs::remove_all(out);
  std::vector<std::string> command = {
      fs::read_symlink("/proc/self/exe").string(),
      "check",
      a.suite.suite,
      "--lane",
      v.lane,
      "--threads",
      std::to_string(v.threads),
      "--out",
      out.string(),
      "--goldens",
      root.string(),
      "--json",
      json.string()};
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
  if (!fs::exists(json))
    throw InvalidError("lane " + v.lane + ", " + NameOf(v) + ": exit " +
                       std::to_string(result.exit_code) + ": " +
                       result.output.substr(0, 500));
  const nlohmann::json report = ReadJsonFile(json);
  fs::remove(json);
  return report;
}

// Largest differences of one lane, by case; prints a line a variant.
std::map<std::string, Difference> MeasureLane(const TolerancesArguments& a,
                                              const std::string& lane,
                                              const fs::path& root,
                                              const fs::path& work) {
  std::map<std::string, Difference> worst;
  for (const Variant& v : VariantsOf(lane)) {
    Difference all;
    const nlohmann::json report = RunVariant(a, v, root, work);
    for (const auto& entry : report.at("cases")) {
      if (entry.at("mean_nll_change").is_null())
        throw InvalidError("lane " + lane + ": case " +
                           entry.at("case").get<std::string>() +
                           " cannot be compared: " + entry.at("tiers").dump());
      const auto& traced = entry.at("max_abs_nll_change");  // null: no window
      const double mean = std::abs(entry["mean_nll_change"].get<double>()),
                   most = traced.is_null() ? 0 : traced.get<double>();
      Difference& of_case = worst[entry.at("case")];
      of_case.mean = std::max(of_case.mean, mean);
      of_case.max_abs = std::max(of_case.max_abs, most);
      all.mean = std::max(all.mean, mean);
      all.max_abs = std::max(all.max_abs, most);
    }
    std::printf("%-19s %-38s %9.2e %9.2e\n", lane.c_str(), NameOf(v).c_str(),
                all.max_abs, all.mean);
    std::fflush(stdout);
  }
  return worst;
}

void Tolerances(const TolerancesArguments& a) {
  const InterruptGuard guard;
  const fs::path root = fs::absolute(StoreRoot(a.goldens));
  const Suite suite = SuiteOf(a.suite);
  SuiteRun run = RunSuite(suite, a.suite, /*traced=*/true);
  const GoldenStore store(root);
  const TemporaryFolder work;
  std::printf("%-19s %-38s %9s %9s\n", "lane", "variant", "max nats",
              "mean nats");
  std::map<std::string, std::map<std::string, Difference>> by_lane;
  MeasureLane(a, "cpu-portable", root, work.path());
  for (const std::string& lane : a.lanes) {
    try {
      by_lane[lane] = MeasureLane(a, lane, root, work.path());
    } catch (const Error& error) {  // a lane that this machine lacks
      by_lane.erase(lane);
      std::printf("%-19s not measured: %s\n", lane.c_str(), error.what());
    }
  }
  size_t num_pending = 0;
  for (const UnitId& id : AskedCases(run.plan)) {
    Golden pending =
        MakeCandidate(run.plan, run.collected, id.group_idx, id.profile_idx);
    const std::string name = pending.pins.name;
    const auto golden = store.Read(pending.pins.suite, name, kPortableClass);
    if (!golden || Compare(pending, &*golden).verdict != Verdict::kPass)
      throw RefusedError(name +
                         ": the portable lane does not give its golden; "
                         "tolerances are measured from there");
    for (const auto& [lane, cases] : by_lane) {
      const auto found = cases.find(name);
      if (found == cases.end()) continue;
      char reason[160];
      std::snprintf(reason, sizeof reason,
                    "%g x the largest difference over threads, batch and "
                    "instruction sets: %.2e, mean %.2e nats",
                    kMargin, found->second.max_abs, found->second.mean);
      pending.metrics.tolerances[lane] = {kMargin * found->second.max_abs,
                                          kMargin * found->second.mean, reason};
    }
    WriteGolden(pending,
                run.folder.File("pending") / pending.pins.suite / name);
    ++num_pending;
  }
  run.folder.Keep();
  const std::string folder = fs::proximate(run.folder.path()).string();
  std::printf(
      "%zu pending goldens with tolerances: plastometer accept --all "
      "--count %zu --from %s --reason \"...\"\n",
      num_pending, num_pending, folder.c_str());
}

}  // namespace

void AddTolerancesCommand(CLI::App& app) {
  auto a = std::make_shared<TolerancesArguments>();
  CLI::App* command = app.add_subcommand(
      "tolerances",
      "Measure how far other lanes are from the portable goldens, over "
      "threads, batch and instruction set; leaves goldens with tolerances "
      "pending");
  command->add_option("suite", a->suite.suite, "suite file or name")
      ->required();
  command->add_option("--lanes", a->lanes, "lanes to measure")
      ->delimiter(',')
      ->capture_default_str();
  AddGoldensOption(*command, a->goldens);
  command->add_option("--out", a->suite.out, "run folder; must not exist");
  command->callback([a] { Tolerances(*a); });
}

}  // namespace plastometer
