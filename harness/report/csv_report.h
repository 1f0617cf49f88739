// The run folder's tables for a notebook; a number that is not available is an
// empty cell.
#pragma once
#include <string>

#include "harness/results/summary.h"

namespace plastometer {

// A row for each slice and profile; docs/columns.md.
std::string TableCsv(const Results& results);
// A row for each window and profile.
std::string WindowsCsv(const Results& results);
// A row for each position bin and profile.
std::string PositionCsv(const Results& results);

}  // namespace plastometer
