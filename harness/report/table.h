// The terminal's Pareto table.
#pragma once
#include <string>

#include "harness/results/summary.h"

namespace plastometer {

struct TableOptions {
  // Columns; where the table does not fit it comes in two parts, which fit 80.
  int width = 120;
  bool per_domain = false;  // one block a domain as well
  std::string run_folder;   // empty: none was written
};

std::string RunTable(const Results& results, const TableOptions& options);

// $COLUMNS, else the terminal's width, else 120.
int TerminalWidth();

}  // namespace plastometer
