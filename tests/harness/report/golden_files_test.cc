// Every CSV of a planted run's report against tests/data/report. After a change
// that is meant: PLASTOMETER_UPDATE_REPORT=1 build/cpu/tests/report_test
// --gtest_filter='GoldenFiles.*' writes them anew; look at the difference.
#include <gtest/gtest.h>

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <set>
#include <vector>

#include "base/files.h"
#include "tests/harness/report/planted_drift.h"
#include "tests/harness/report/planted_learning.h"
#include "tests/harness/report/planted_run.h"
#include "tests/paths.h"

namespace plastometer {
namespace {

namespace fs = std::filesystem;

// exp, log and sin differ in their last bits between CPUs; text and counts are
// compared as they are.
constexpr double kTolerance = 1e-9;  // of the number, and of 1 below 1

std::vector<std::string> Cells(const std::string& csv) {
  std::vector<std::string> cells(1);
  for (const char c : csv) {
    cells.back() += c;  // with the comma or the end of the line
    if (c == ',' || c == '\n') cells.emplace_back();
  }
  return cells;
}

// A number and the rest of its cell.
std::optional<std::pair<double, std::string>> Number(const std::string& cell) {
  double value = 0;
  const char* end = cell.data() + cell.size();
  const auto [rest, error] = std::from_chars(cell.data(), end, value);
  if (error != std::errc()) return std::nullopt;
  return std::pair{value, std::string(rest, end)};
}

bool SameCell(const std::string& a, const std::string& b) {
  if (a == b) return true;
  const auto x = Number(a), y = Number(b);
  return x && y && x->second == y->second &&
         std::abs(x->first - y->first) <=
             kTolerance * std::max(1.0, std::abs(x->first));
}

// "" or what differs first.
std::string Difference(const std::string& expected, const std::string& met) {
  const std::vector<std::string> a = Cells(expected), b = Cells(met);
  size_t line = 1;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (!SameCell(a[i], b[i]))
      return "line " + std::to_string(line) + ": '" + b[i] + "', expected '" +
             a[i] + "'";
    line += a[i].ends_with('\n');
  }
  if (a.size() == b.size()) return "";
  return std::to_string(b.size()) + " cells, expected " +
         std::to_string(a.size());
}

std::set<std::string> CsvFiles(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.path().extension() == ".csv")
      names.insert(fs::relative(entry.path(), folder).string());
  return names;
}

// Two domains, controls, statistics, drift, a layer map and losses measured
// elsewhere: every table and figure but those of contexts and arms.
ReportRun RunWithEverything() {
  auto profiles = PlantedProfiles();
  profiles.insert(profiles.begin() + 1,
                  {{"frozen;start=mean", "none", 0.1, 800, 0, 0},
                   {"early:25%;start=mean", "0", 0.02, 900, 100, 1024},
                   {"uniform;eta=flip", "all", 0.5, 1000, 400, 4096}});
  ReportRun run = PlantedRun(16, profiles, {"code", "prose"});
  run.learning = PlantedLearning(run.results.record);
  run.class_losses = PlantedClassLosses(run.results.record);
  run.show_heads = true;
  run.drift = PlantedDrift(16, 0.5, 0.1, 0.1);
  run.layer_maps = LayerMaps{
      "planted",
      std::string(64, 'a'),
      "text",
      std::string(64, 'b'),
      "cpu-portable",
      8,
      {{"alone", {{0.25, 0.2, 0.3, ""}, {-0.5, {}, {}, "few works"}}, {}},
       {"path", {{0.125, 0.1, 0.2, ""}, {{}, {}, {}, "not finite"}}, {}}},
      {{"alone", "path", {1.0, 0.5, 1.0, ""}}}};
  ForeignLosses foreign{"elsewhere", "f.csv", std::string(64, 'e'), {}, {}};
  for (int64_t t = 1; t <= 200; t += 3)
    foreign.by_position[t] = {2 * (3 + 1 / static_cast<double>(t)), 2};
  foreign.costs = {{"flops", 0.000002}, {"adaptive_state_bytes", 2}};
  run.foreign = {foreign};
  return run;
}

TEST(GoldenFiles, TablesAndFigureDataAreAsCommitted) {
  TemporaryFolder folder;
  WriteReport({RunWithEverything()}, folder.path(),
              [](const auto&, const auto&) { return false; });
  const fs::path golden = SourcePath("tests/data/report");
  const std::set<std::string> names = CsvFiles(folder.path());
  if (std::getenv("PLASTOMETER_UPDATE_REPORT")) {
    fs::remove_all(golden);
    for (const std::string& name : names) {
      fs::create_directories((golden / name).parent_path());
      fs::copy_file(folder.path() / name, golden / name);
    }
  }
  EXPECT_EQ(names, CsvFiles(golden))
      << "a file came or went: see the top of " << __FILE__;
  EXPECT_GT(names.size(), 20u);
  for (const std::string& name : names) {
    if (!fs::exists(golden / name)) continue;
    EXPECT_EQ(
        Difference(ReadFile(golden / name), ReadFile(folder.path() / name)), "")
        << name << "; if this is meant, see the top of " << __FILE__;
  }
}

TEST(GoldenFiles, TheComparisonSeesWhatDiffers) {
  const std::string csv = "name,loss\na,0.25\nb,\n";
  EXPECT_EQ(Difference(csv, csv), "");
  EXPECT_EQ(Difference(csv, "name,loss\na,0.25000000000001\nb,\n"), "");
  for (const char* other :
       {"name,loss\na,0.2500001\nb,\n", "name,loss\na,0.25\nb,0\n",
        "name,loss\na,0.25,\nb,\n", "name,loss\na,0.25\nc,\n",
        "name,loss\na,0.25\n", "name,loss\na,0.25x\nb,\n"})
    EXPECT_NE(Difference(csv, other), "") << other;
}

}  // namespace
}  // namespace plastometer
