// The parts of a report, each from one run to blocks of the page.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "harness/report/columns.h"
#include "harness/report/page/page.h"
#include "harness/report/questions/questions.h"
#include "harness/report/report.h"
#include "harness/results/arms.h"
#include "harness/stats/bootstrap.h"

namespace plastometer {

void AddDrift(const ReportRun& run, Page& page);
void AddLayerMap(const ReportRun& run, Page& page);
void AddForYourModel(const ReportRun& run, const std::vector<ReportRun>& runs,
                     const std::vector<Question>& questions, Page& page);
void AddProfiles(const ReportRun& run, Page& page);
void AddAdaptation(const ReportRun& run, Page& page);
void AddFloor(const ReportRun& run, Page& page);
void AddPareto(const ReportRun& run, Page& page);
void AddTiming(const ReportRun& run, Page& page);
// Ladders of `reset-every`; nothing without one.
void AddHorizon(const ReportRun& run, Page& page);
// `runs`: of the page; a context probe of the same model may be another one.
std::string HorizonSentence(const ReportRun& run,
                            const std::vector<ReportRun>& runs);
void AddOrigin(const ReportRun& run, Page& page);
void AddConditions(const ReportRun& run, Page& page);
void AddForgetting(const ReportRun& run, Page& page);  // below AddConditions
void AddContinual(const ReportRun& run, Page& page);
// Runs that say how their model was trained; empty with fewer than two.
std::vector<ArmComparison> ArmsOf(const std::vector<ReportRun>& runs);
void AddArms(const std::vector<ArmComparison>& comparisons, Page& page);
void AddProvenance(const std::vector<ReportRun>& runs, Page& page);

// Helpers that they share.

// Windows of a slice: "all" or a domain.
std::vector<size_t> WindowsOf(const RunRecord& record,
                              const std::string& slice);
// Only windows that all reach the last position: a fixed set.
std::vector<size_t> LongestWindows(const RunRecord& record);
// Of profiles, those that a figure shows: of sets of layers drawn at random no
// more than the first eight, since a hundred names hide all others.
struct ShownProfiles {
  std::vector<size_t> profiles;
  std::string note;  // " 92 of 100 ... are left out here.", or empty
};
ShownProfiles ShownOf(const RunRecord& record,
                      const std::vector<size_t>& profiles);
std::string ProfileLabel(const CaseResult& row);  // "(frozen)": not asked for
// "0.312 [0.283, 0.345]"; "not available".
std::string WithInterval(const Measured& m, int decimals, double scale = 1);
std::string WithInterval(const stats::Interval& interval, int decimals);

TableCell TextCell(const std::string& text);
TableCell CountCell(int64_t value);
TableCell NumberCell(std::optional<double> value, int decimals);
TableCell IntervalCell(const Measured& m, int decimals, double scale = 1);
// Of one of ResultColumns().
TableColumn PageColumn(const std::string& id);
TableCell ResultCell(const ResultColumn& column, const ResultRow& row);
// "nats", "nats_low", "nats_high".
std::vector<std::string> WithBounds(const std::string& name);

}  // namespace plastometer
