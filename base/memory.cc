#include "base/memory.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>

#include "base/error.h"

namespace plastometer {
namespace fs = std::filesystem;
namespace {

constexpr uint64_t kNoLimit = std::numeric_limits<uint64_t>::max();

// A file that holds one number; "max", or no such file: no limit.
uint64_t NumberIn(const fs::path& path) {
  std::ifstream in(path);
  uint64_t number = 0;
  return in >> number ? number : kNoLimit;
}

// The group's own folder is seen at its full path outside a container, and at
// the mount point inside. Groups above it may set a lower limit.
uint64_t ControlGroupLimit() {
  const fs::path root = "/sys/fs/cgroup";
  constexpr const char* kVersion1 = "memory.limit_in_bytes";
  constexpr const char* kVersion2 = "memory.max";
  uint64_t limit = std::min(NumberIn(root / kVersion2),
                            NumberIn(root / "memory" / kVersion1));
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const bool version2 = line.starts_with("0::/");
    const size_t version1 = line.find(":memory:/");
    if (!version2 && version1 == std::string::npos) continue;
    const fs::path top = version2 ? root : root / "memory";
    fs::path group = line.substr(version2 ? 4 : version1 + 9);
    for (; !group.empty(); group = group.parent_path())
      limit = std::min(
          limit, NumberIn(top / group / (version2 ? kVersion2 : kVersion1)));
  }
  return limit;
}

uint64_t ResourceLimit(int resource) {
  rlimit limit{};
  const bool known =
      getrlimit(static_cast<__rlimit_resource>(resource), &limit) == 0;
  return known && limit.rlim_cur != RLIM_INFINITY ? limit.rlim_cur : kNoLimit;
}

uint64_t MachineMemory() {
  const long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGE_SIZE);
  return pages > 0 && size > 0
             ? static_cast<uint64_t>(pages) * static_cast<uint64_t>(size)
             : kNoLimit;
}

std::string Gibibytes(uint64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g GiB",
                static_cast<double>(bytes) / (1 << 30));
  return text;
}

}  // namespace

uint64_t MemoryLimit() {
  static const uint64_t limit =
      std::min({MachineMemory(), ControlGroupLimit(), ResourceLimit(RLIMIT_AS),
                ResourceLimit(RLIMIT_DATA)});
  return limit;
}

void RequireMemory(uint64_t bytes, const std::string& what, uint64_t limit) {
  if (bytes <= limit) return;
  throw InfrastructureError(what + " need at least " + Gibibytes(bytes) +
                            " of memory, and this process may take " +
                            Gibibytes(limit) + "; ask for less");
}

uint64_t BoundedProduct(uint64_t a, uint64_t b) {
  uint64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? kNoLimit : product;
}

}  // namespace plastometer
