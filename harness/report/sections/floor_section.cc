// Generated tasks: loss against the exact Bayes loss while a window is read.
#include <algorithm>
#include <cmath>

#include "harness/report/format.h"
#include "harness/report/sections/curves.h"
#include "harness/report/sections/sections.h"
#include "harness/results/works.h"

namespace plastometer {
namespace {

// Mean of (loss - floor) over the scored tokens of an octave.
Measured AboveFloor(const WorkSums& works, size_t profile, uint64_t seed) {
  WorkSums excess;
  excess.tokens = works.tokens;
  excess.nll = {Minus(works.nll[profile], works.floor)};
  return MeanOverWorks(excess, 0, seed);
}

struct Octaves {
  std::vector<TokenRange> ranges;  // those with scored tokens
  std::vector<Curve> curves;       // one a candidate
};

Octaves MeasureOctaves(const ReportRun& run,
                       const std::vector<size_t>& windows) {
  const RunRecord& record = run.results.record;
  const int64_t end = record.windows[windows.front()].num_tokens;
  Octaves octaves;
  for (const size_t p : Candidates(run.results.record))
    octaves.curves.push_back({record.profiles[p].name, p, {}});
  for (size_t k = 0; k < NumOctaves(end); ++k) {
    const TokenRange range{OctaveBegin(k), std::min(OctaveBegin(k + 1), end)};
    const WorkSums works = SumByWork(record, windows, range.from, range.to);
    if (std::ranges::none_of(works.tokens, [](double n) { return n > 0; }))
      continue;
    octaves.ranges.push_back(range);
    for (Curve& curve : octaves.curves)
      curve.points.push_back(
          AboveFloor(works, curve.color, static_cast<uint64_t>(record.seed)));
  }
  return octaves;
}

Figure FloorFigure(const ReportRun& run, const std::vector<size_t>& windows,
                   const Octaves& octaves) {
  Figure figure;
  figure.id = "floor" + run.suffix;
  figure.title = "Loss above the Bayes floor, by position";
  figure.alt =
      "Nats per token above the exact Bayes loss of the task, against the "
      "position in the window, one line a profile with its band. At 0 the "
      "model predicts as well as the best possible reader.";
  figure.caption =
      "Loss less the exact loss of a reader that knows the task and has seen "
      "the same tokens; mean over the scored tokens of a range of positions, " +
      Count(static_cast<int64_t>(windows.size())) +
      " windows that all reach the last position. Shaded: pointwise 95 % "
      "bands, works resampled. 0: nothing more is to be had. A rise to the "
      "right: the window holds more to be learned than the model learns.";
  DrawCurves(octaves.ranges, octaves.curves, "tokens read (log scale)",
             "nats per token above floor", figure);
  return figure;
}

}  // namespace

void AddFloor(const ReportRun& run, Page& page) {
  if (!run.results.all.floor_nats) return;
  const std::vector<size_t> windows = LongestWindows(run.results.record);
  const Octaves octaves = MeasureOctaves(run, windows);
  page.Add(Heading{2, "Against the Bayes floor", "floor" + run.suffix});
  page.Add(FloorFigure(run, windows, octaves));
}

}  // namespace plastometer
