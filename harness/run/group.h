// A suite's group with everything resolved: files found and hashed, text cut
// into windows, profiles parsed. No LibTorch is touched yet.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/lane.h"
#include "datasets/corpus.h"
#include "harness/results/case.h"
#include "harness/results/summary.h"
#include "harness/run/inputs.h"
#include "harness/run/plan.h"
#include "harness/suite/suite.h"
#include "model/config.h"

namespace plastometer {

struct LoadedGroup {
  SuiteGroup spec;
  Lane lane = Lane::kCpuPortable;
  ModelChoice choice;
  ModelConfig config;
  EvaluationSet data;
  ProfilePlan profiles;
  std::string mean_state_sha256;  // empty: no profile starts there
  RunRecord record;               // planned: no losses yet
  std::vector<CasePins> cases;    // one a profile of the record
};

// `threads` 0: all cores. Throws what its inputs throw: kUsage, kInvalid.
LoadedGroup LoadGroup(const std::string& suite_name, const SuiteGroup& group,
                      int threads, int64_t seed);

TaskRecord TaskRecordOf(const SuiteData& data);
// The generated windows; nothing is read. Throws as LoadTaskData.
EvaluationSet TaskWindows(const SuiteData& data);

// "0-4:1 5-11:0.5;until=512", then the controls (";eta=flip"): every layer's
// multiplier and schedule, whatever the profile is called. start=mean names the
// file that it starts from: ";start=mean:<12 hex of mean_state_sha256>".
std::string CanonicalLambdas(const Profile& profile,
                             const std::string& mean_state_sha256);
// The controls of such a text, as Controls::ToText writes them.
std::string ControlsOfLambdas(const std::string& canonical);

}  // namespace plastometer
