// Runs another program and keeps what it says.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace plastometer {

struct ProcessResult {
  int exit_code = -1;  // 127: no such program; 128 + n: killed by signal n
  std::string output;  // stdout and stderr together, at most 1 MiB
};

// Found on PATH; runs in `folder` with LC_ALL=C and no standard input. Throws
// kInfrastructure when no process can start.
ProcessResult RunProcess(const std::vector<std::string>& arguments,
                         const std::filesystem::path& folder);

}  // namespace plastometer
