// Figures 1 to 3, from the statistics of the inner loop, and losses by the word
// classes that stand beside them.
#pragma once
#include "harness/report/page/page.h"
#include "harness/report/report.h"

namespace plastometer {

void AddPlasticity(const ReportRun& run, Page& page);  // figure 1
void AddSurprise(const ReportRun& run, Page& page);    // figure 2
void AddClasses(const ReportRun& run, Page& page);     // figure 3
void AddClassLosses(const ReportRun& run, Page& page);

}  // namespace plastometer
