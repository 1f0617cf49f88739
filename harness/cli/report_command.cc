#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/process.h"
#include "harness/cli/commands.h"
#include "harness/cli/output.h"
#include "harness/report/format.h"
#include "harness/report/report.h"
#include "harness/report/sensitivity_report.h"
#include "harness/results/finished_drift.h"
#include "harness/results/statistics_file.h"
#include "harness/results/token_tables.h"
#include "harness/run/continual.h"
#include "harness/run/finished_run.h"
#include "harness/run/run_folder.h"

namespace plastometer {
namespace fs = std::filesystem;
namespace {

struct ReportArguments {
  std::vector<std::string> runs, foreign;
  std::string out;
  int scale = 2;
  int64_t window = -1;  // -1: none asked for
  bool tables = false, heads = false, json = false;
};

void AddGroups(const std::string& path, std::vector<ReportRun>& runs) {
  FinishedRun finished = ReadFinishedRun(path);
  fs::path folder = fs::path(path).lexically_normal();
  if (!folder.has_filename()) folder = folder.parent_path();
  for (size_t g = 0; g < finished.records.size(); ++g) {
    const PlannedGroup& group = finished.plan.groups[g];
    ReportRun run;
    run.name = folder.filename().string();
    if (finished.records.size() > 1) run.name += ": " + group.name;
    run.folder = path;
    if (!runs.empty()) run.suffix = "-" + std::to_string(runs.size() + 1);
    run.suite = finished.plan.suite;
    run.code_tree = finished.plan.code_tree;
    run.numeric_class = group.numeric_class;
    run.num_layers = group.num_layers;
    run.num_heads = group.num_heads;
    run.results = ResultsOf(std::move(finished.records[g]));
    const fs::path statistics =
        (finished.records.size() > 1 ? folder / group.name : folder) /
        kStatisticsFile;
    if (fs::exists(statistics)) run.statistics = statistics.string();
    if (fs::exists(statistics)) {
      run.learning = ReadLearning(statistics, run.results.record,
                                  group.num_layers, group.num_heads);
      run.class_losses = ReadClassLosses(statistics, run.results.record,
                                         group.num_layers, group.num_heads);
    }
    runs.push_back(std::move(run));
  }
}

// What was given, by what it is.
struct Inputs {
  std::vector<std::string> runs, drifts, layer_maps;
};

Inputs Sorted(const std::vector<std::string>& paths) {
  Inputs inputs;
  for (const std::string& path : paths)
    (IsDriftFolder(path)         ? inputs.drifts
     : fs::is_regular_file(path) ? inputs.layer_maps
                                 : inputs.runs)
        .push_back(path);
  if (inputs.runs.empty())
    throw UsageError(
        "report: no run folder is among what was given; drift folders and "
        "sensitivity files join a run of the same model");
  return inputs;
}

// To every run of the same model.
template <class Found>
void Attach(const std::string& path, const Found& found,
            std::optional<Found> ReportRun::*place,
            std::vector<ReportRun>& runs) {
  bool used = false;
  std::string models;
  for (ReportRun& run : runs) {
    const RunRecord& record = run.results.record;
    models += (models.empty() ? "" : ", ") + record.model_name + " (" +
              record.model_sha256.substr(0, 12) + ")";
    if (record.model_sha256 != found.model_sha256) continue;
    if (run.*place)
      throw UsageError("report: " + path +
                       " is a second one of its kind for model " +
                       record.model_name);
    run.*place = found;
    used = true;
  }
  if (!used)
    throw UsageError("report: " + path + " is of model " + found.model_name +
                     " (" + found.model_sha256.substr(0, 12) +
                     "), the runs are of " + models);
}

// tokens/: every token of every run as rows.
void WriteTokens(const ReportArguments& a, const std::vector<ReportRun>& runs,
                 const fs::path& folder) {
  if (!a.tables) return;
  MakeFolders(folder);
  for (const ReportRun& run : runs) {
    const RunRecord& record = run.results.record;
    std::optional<StatisticsFile> statistics;
    if (!run.statistics.empty())
      statistics.emplace(run.statistics, record, run.num_layers, run.num_heads);
    WriteTokenTables(record, statistics ? &*statistics : nullptr, folder,
                     "tokens" + run.suffix);
  }
}

std::string NeedsStatistics(const std::string& option, const ReportRun& run) {
  return option + ": " + run.name +
         " has no statistics; `plastometer run --resume " + run.folder +
         " --stats` adds them";
}

// --window: figure 1 of one window, mini-batch by mini-batch.
void AddWindowMap(int64_t window, ReportRun& run) {
  const auto num_windows =
      static_cast<int64_t>(run.results.record.windows.size());
  if (run.statistics.empty())
    throw UsageError(NeedsStatistics("--window", run));
  if (window >= num_windows)
    throw UsageError("--window " + std::to_string(window) + ": " + run.name +
                     " has windows 0 to " + std::to_string(num_windows - 1) +
                     " (column window of its windows.csv)");
  const StatisticsFile file(run.statistics, run.results.record, run.num_layers,
                            run.num_heads);
  const auto idx = static_cast<size_t>(window);
  run.window_map = WindowMap{idx, MapOfWindow(file.Read(idx))};
}

bool DrawWithGnuplot(const fs::path& folder, const std::string& script) {
  ThrowIfInterrupted();
  const ProcessResult result = RunProcess({"gnuplot", script}, folder);
  if (result.exit_code == 127) return false;
  if (result.exit_code != 0)
    throw InternalError("gnuplot " + script + " ended with exit code " +
                        std::to_string(result.exit_code) + ": " +
                        result.output.substr(0, 400));
  return true;
}

void Report(const ReportArguments& a) {
  RefuseExisting(a.out, "folder");
  const InterruptGuard guard;
  std::vector<ReportRun> runs;
  const std::vector<ForeignLosses> foreign =
      ReadForeign({a.foreign.begin(), a.foreign.end()});
  const Inputs inputs = Sorted(a.runs);
  for (const std::string& path : inputs.runs) AddGroups(path, runs);
  for (const std::string& path : inputs.drifts)
    Attach(path, ReadFinishedDrift(path), &ReportRun::drift, runs);
  for (const std::string& path : inputs.layer_maps)
    Attach(path, ReadLayerMaps(path), &ReportRun::layer_maps, runs);
  for (ReportRun& run : runs) {
    run.foreign = foreign;
    run.show_heads = a.heads;
    if (a.heads && !run.learning)
      throw UsageError(NeedsStatistics("--heads", run));
    if (a.window >= 0) AddWindowMap(a.window, run);
  }
  RunFolder folder(a.out);
  const WrittenReport written =
      WriteReport(runs, folder.path(), DrawWithGnuplot, a.scale);
  WriteTokens(a, runs, folder.path() / "tokens");
  folder.Keep();
  if (!written.drawn)
    std::fprintf(stderr,
                 "warning: gnuplot is not installed (Debian: gnuplot-nox): "
                 "figures/ holds data and scripts; there, `for f in *.gp; do "
                 "gnuplot $f; done` draws them, and a second `plastometer "
                 "report` puts them into the page\n");
  const std::string page = (fs::path(a.out) / "report.html").string();
  if (a.json) {
    const nlohmann::ordered_json json = {{"page", page},
                                         {"runs", runs.size()},
                                         {"figures", written.num_figures},
                                         {"drawn", written.drawn},
                                         {"page_bytes", written.html_bytes}};
    std::puts(json.dump(1).c_str());
    return;
  }
  std::printf("%s (%s, %d figures)\n", page.c_str(),
              Bytes(static_cast<int64_t>(written.html_bytes)).c_str(),
              written.num_figures);
}

}  // namespace

void AddReportCommand(Command& program) {
  auto a = std::make_shared<ReportArguments>();
  Command command = program.Add(
      "report",
      "Figures, tables and answers of finished runs in one folder with one "
      "page");
  command
      .Add("runs", a->runs,
           "run folders; and of their models: folders of drift, files of "
           "sensitivity --out")
      .Required();
  command.Add("--out FOLDER", a->out, "folder; must not exist").Required();
  command.Flag("--tables", a->tables,
               "also write every token as a row: tokens/*.csv.zst");
  command.Flag("--heads", a->heads,
               "also a map of the relative update of each head");
  command
      .Add("--window N", a->window,
           "also figure 1 of one window alone, mini-batch by mini-batch (N: "
           "column window of windows.csv)")
      .NotNegative();
  command
      .Add("--foreign FILE", a->foreign,
           "CSV of losses measured elsewhere (profile, position, loss, "
           "costs): drawn in figures 4 and Pareto, used for no verdict")
      .OneEach();
  command
      .Add("--scale N", a->scale,
           "pixels of a PNG for each of the page's (1 to 4)")
      .Between(1, 4)
      .ShowDefault();
  command.Flag("--json", a->json, "print JSON instead of text")
      .Formerly("--format");
  command.Example("plastometer report runs/a --out page", "page/report.html");
  command.Example("plastometer report runs/a drift/a maps.json --out page",
                  "with its drift and its layer maps");
  command.Callback([a] { Report(*a); });
}

}  // namespace plastometer
