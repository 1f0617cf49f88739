#include <strings.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "harness/cli/commands.h"
#include "harness/cli/output.h"
#include "harness/run/environment.h"
#include "model/device/device.h"
#include "model/probes.h"

namespace plastometer {
namespace {

using Json = nlohmann::ordered_json;

struct EnvArguments {
  std::string lane = "cpu-portable";
  int threads = 0;
  bool json = false;
};

struct Environment {
  std::vector<EnvironmentPin> pins;
  std::vector<MachineProbe> probes;
  Fingerprint fingerprint;
};

Environment Probe(const EnvArguments& a) {
  const Lane lane = ParseLane(a.lane);
  Environment environment;
  environment.pins = PinsFor({a.lane});
  ApplyPins(environment.pins, ProgramArguments());
  for (const EnvironmentPin& pin : LocalePins())
    environment.pins.push_back(pin);
  PinLibTorch();
  environment.probes = RunProbes(lane, a.threads);
  environment.fingerprint = MakeFingerprint(a.lane, FactsOf(lane, a.threads));
  const CudaProbe cuda = ProbeCuda();
  environment.fingerprint.timing["gpu"] =
      cuda.usable() ? "usable" : "none: " + cuda.problem;
  return environment;
}

std::string Met(const EnvironmentPin& pin) {
  const char* value = std::getenv(pin.variable.c_str());
  return value == nullptr ? "not set" : value;
}

bool Holds(const EnvironmentPin& pin) {
  return strcasecmp(Met(pin).c_str(), pin.value.c_str()) == 0;
}

bool AllHold(const Environment& environment) {
  return std::all_of(environment.pins.begin(), environment.pins.end(), Holds) &&
         std::all_of(environment.probes.begin(), environment.probes.end(),
                     [](const MachineProbe& probe) { return probe.passed; });
}

// The value in as many lines as 80 columns need.
void PrintPair(const std::string& name, const std::string& value) {
  constexpr size_t kWidth = 52;
  for (size_t begin = 0; begin == 0 || begin < value.size(); begin += kWidth)
    std::printf("  %-24s %s\n", begin == 0 ? name.c_str() : "",
                value.substr(begin, kWidth).c_str());
}

void PrintText(const EnvArguments& a, const Environment& environment) {
  std::printf("lane %s, numeric class %s\n\npins\n", a.lane.c_str(),
              environment.fingerprint.numeric.at("numeric_class").c_str());
  for (const EnvironmentPin& pin : environment.pins)
    PrintPair(pin.variable,
              Holds(pin) ? "ok: " + Met(pin) + ", " + pin.why
                         : "FAILED: " + Met(pin) + ", pinned to " + pin.value);
  std::printf("\nprobes\n");
  for (const MachineProbe& probe : environment.probes)
    PrintPair(probe.name, (probe.passed ? "ok: " : "FAILED: ") + probe.detail);
  std::printf("\nfingerprint, what can change the numbers\n");
  for (const auto& [name, value] : environment.fingerprint.numeric)
    PrintPair(name, value);
  std::printf("\nfingerprint, what can change the times\n");
  for (const auto& [name, value] : environment.fingerprint.timing)
    PrintPair(name, value);
}

void PrintJson(const EnvArguments& a, const Environment& environment) {
  Json pins = Json::array(), probes = Json::array();
  for (const EnvironmentPin& pin : environment.pins)
    pins.push_back({{"variable", pin.variable},
                    {"value", Met(pin)},
                    {"pinned", pin.value},
                    {"ok", Holds(pin)},
                    {"why", pin.why}});
  for (const MachineProbe& probe : environment.probes)
    probes.push_back({{"name", probe.name},
                      {"passed", probe.passed},
                      {"detail", probe.detail}});
  const Json json = {{"schema", 1},
                     {"lane", a.lane},
                     {"pins", pins},
                     {"probes", probes},
                     {"numeric", environment.fingerprint.numeric},
                     {"timing", environment.fingerprint.timing}};
  std::printf("%s\n",
              json.dump(1, ' ', false, Json::error_handler_t::replace).c_str());
}

void Env(const EnvArguments& a) {
  const Environment environment = Probe(a);
  a.json ? PrintJson(a, environment) : PrintText(a, environment);
  if (!AllHold(environment)) ExitStatus() = 5;
}

}  // namespace

void AddEnvCommand(Command& program) {
  auto a = std::make_shared<EnvArguments>();
  Command command = program.Add(
      "env",
      "Show what is pinned, probe whether it holds, and what this machine is");
  command.Add("--lane LANE", a->lane, "device and arithmetic").ShowDefault();
  command.Add("--threads N", a->threads, "0: all cores").ShowDefault();
  command.Flag("--json", a->json, "print JSON instead of text");
  command.Example("plastometer env --lane cpu-native",
                  "exit 5 when something does not hold");
  command.Callback([a] { Env(*a); });
}

}  // namespace plastometer
