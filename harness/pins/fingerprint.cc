#include <sys/utsname.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "base/lane.h"
#include "base/parallel.h"
#include "harness/pins/pins.h"

namespace plastometer {
namespace {

std::string FirstLine(const std::string& file) {
  std::ifstream stream(file);
  std::string line;
  return std::getline(stream, line) ? line : "not available";
}

std::string CpuModel() {
  std::ifstream stream("/proc/cpuinfo");
  for (std::string line; std::getline(stream, line);)
    if (line.starts_with("model name") && line.find(": ") != std::string::npos)
      return line.substr(line.find(": ") + 2);
  return "not available";
}

std::string Memory() {
  const int64_t pages = sysconf(_SC_PHYS_PAGES),
                page_bytes = sysconf(_SC_PAGE_SIZE);
  return pages > 0 ? std::to_string((pages * page_bytes) >> 30) + " GiB"
                   : "not available";
}

}  // namespace

std::string NumericClass(const std::string& lane, const NumericFacts& facts) {
  const LaneTraits& traits = TraitsOf(lane);
  if (traits.promises_bits()) return traits.class_stem();
  return traits.class_stem() + "+" + facts.libtorch_version + "+" +
         (traits.is_reference() ? facts.aten_capability : facts.portable_isa) +
         "+t" + std::to_string(facts.num_threads);
}

Fingerprint MakeFingerprint(const std::string& lane,
                            const NumericFacts& facts) {
  Fingerprint f;
  f.numeric = {{"numeric_class", NumericClass(lane, facts)},
               {"code_tree", CodeTree()},
               {"compiler", __VERSION__},
               {"libtorch", facts.libtorch_version},
               {"aten_capability", facts.aten_capability},
               {"kernels", facts.portable_isa},
               {"blas", facts.blas},
               {"threads", std::to_string(facts.num_threads)}};
  utsname system{};
  uname(&system);
  f.timing = {
      {"cpu", CpuModel()},
      {"cores", std::to_string(NumCores())},
      {"memory", Memory()},
      {"kernel", std::string(system.sysname) + " " + system.release},
      {"governor",
       FirstLine("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")},
      {"load", FirstLine("/proc/loadavg")}};
  return f;
}

std::vector<std::string> MovedPins(const Fingerprint& before,
                                   const Fingerprint& now) {
  std::vector<std::string> moved;
  for (const auto& [name, value] : now.numeric) {
    const auto old = before.numeric.find(name);
    if (old == before.numeric.end() || old->second != value)
      moved.push_back(name + ": " +
                      (old == before.numeric.end() ? "unknown" : old->second) +
                      " -> " + value);
  }
  for (const auto& [name, value] : before.numeric)
    if (!now.numeric.contains(name))
      moved.push_back(name + ": " + value + " -> unknown");
  return moved;
}

}  // namespace plastometer
