// The report of finished runs: one folder with report.html, report.md,
// results.json, tables/*.csv, figures/* and the runs' stats.safetensors.
// docs/report.md.
#pragma once
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "harness/report/foreign.h"
#include "harness/report/page/page.h"
#include "harness/report/sensitivity_report.h"
#include "harness/results/class_losses.h"
#include "harness/results/drift_results.h"
#include "harness/results/learning.h"
#include "harness/results/summary.h"

namespace plastometer {

// A window, by its row in the run's windows, at the resolution of its
// mini-batches.
struct WindowMap {
  size_t window = 0;
  PlasticityMap map;
};

// One group of a run folder.
struct ReportRun {
  std::string name;    // the folder's, with the group's where there are several
  std::string folder;  // as given, for commands that the report suggests
  std::string suffix;  // of ids; empty for the first run, "-2" for the second
  std::string suite, code_tree, numeric_class;
  std::string statistics;  // stats.safetensors; empty: none
  int64_t num_layers = 0, num_heads = 0;
  Results results;
  std::optional<Learning> learning;         // with statistics of the inner loop
  std::optional<ClassLosses> class_losses;  // where word classes are known
  bool show_heads = false;              // a map of each head, with statistics
  std::optional<WindowMap> window_map;  // on request, with statistics
  // Of this model, measured beside the run:
  std::optional<DriftRecord> drift;
  std::optional<LayerMaps> layer_maps;
  // Drawn beside this run in figures 4 and Pareto, and used for nothing else.
  std::vector<ForeignLosses> foreign;
};

// Everything but drawing. `runs` is not empty.
Page MakeReport(const std::vector<ReportRun>& runs);

// Runs gnuplot on a script within a folder; false when there is no gnuplot.
// Throws kInternal when the script fails.
using Draw = std::function<bool(const std::filesystem::path& folder,
                                const std::string& script)>;

struct WrittenReport {
  int num_figures = 0;
  bool drawn = true;  // false: data and scripts only
  uint64_t html_bytes = 0;
};
// Into an existing empty folder. Throws kInfrastructure when it cannot be
// written. `scale`: of the PNGs, see GnuplotScript.
WrittenReport WriteReport(const std::vector<ReportRun>& runs,
                          const std::filesystem::path& folder, const Draw& draw,
                          int scale = 2);

}  // namespace plastometer
