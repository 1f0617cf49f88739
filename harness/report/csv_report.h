// The run folder's tables for a notebook; a number that is not available is an
// empty cell.
#pragma once
#include <string>

#include "harness/results/summary.h"

namespace plastometer {

std::string TableCsv(const Results& results);    // a row per slice and profile
std::string WindowsCsv(const Results& results);  // a row per window and profile
std::string PositionCsv(
    const Results& results);  // a row per position bin and profile

}  // namespace plastometer
