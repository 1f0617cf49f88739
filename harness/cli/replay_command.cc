#include <cstdio>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/files.h"
#include "base/sha256.h"
#include "harness/check/capsule.h"
#include "harness/cli/commands.h"
#include "harness/cli/output.h"
#include "harness/pins/pins.h"
#include "harness/run/group.h"
#include "harness/run/inputs.h"
#include "harness/run/tracing.h"
#include "model/model.h"
#include "model/weights/mean_state.h"

namespace plastometer {
namespace {

struct ReplayArguments {
  std::string capsule, model;
};

std::string ModelFile(const ReplayArguments& a, const Capsule& capsule) {
  const std::string file =
      ResolveModel(a.model.empty() ? capsule.model_file : a.model)
          .file.string();
  const std::string sha256 = Sha256OfFile(file);
  if (sha256 != capsule.pins.model_sha256)
    throw InvalidError(file + " has SHA-256 " + sha256 +
                       ", the capsule's model " + capsule.pins.model_sha256 +
                       "; give the right one with --model");
  return file;
}

// The mean state beside the model is the one that the capsule was made with.
void CheckMeanState(const Capsule& capsule, const Model& model,
                    const Profile& profile, const std::string& file) {
  if (!profile.controls().start_mean) return;
  const std::string now = CanonicalLambdas(
      profile, ReadMeanState(file, model.config(), model.sha256()).sha256);
  if (now != capsule.pins.profile_lambdas)
    throw InvalidError("the mean state beside " + file +
                       " is another one: the profile is " + now +
                       ", the capsule's " + capsule.pins.profile_lambdas);
}

// "as expected", "as in the capsule", or where it parts from either.
std::string Against(const Trace& now, const Trace& then, const CasePins& pins,
                    bool* same) {
  Golden a, b;
  a.pins = b.pins = pins;
  a.trace = now;
  b.trace = then;
  const auto divergence = FirstDivergence(a, b);
  *same = !divergence;
  return divergence ? divergence->text : "the same to the last bit";
}

void Replay(const ReplayArguments& a) {
  const Capsule capsule = ParseCapsule(ReadFile(a.capsule), a.capsule);
  const std::string file = ModelFile(a, capsule);
  ApplyPins(PinsFor({capsule.lane}), ProgramArguments());
  const Model model = Model::Load(file, {ParseLane(capsule.lane), 0});
  const Profile profile =
      Profile::Parse(capsule.pins.profile, model.config().num_layers);
  CheckMeanState(capsule, model, profile, file);
  Trace now = TraceWindow(model, profile, capsule.ids);
  // Cut off with the rest of the window.
  if (capsule.expected.windows[0].probe == ProbeLogits{})
    now.windows[0].probe = {};
  bool as_expected = false, as_before = false;
  const std::string expected =
      Against(now, capsule.expected, capsule.pins, &as_expected);
  const std::string before =
      Against(now, capsule.actual, capsule.pins, &as_before);
  std::printf("case %s/%s, lane %s, window %lld, %zu tokens\n",
              capsule.pins.suite.c_str(), capsule.pins.name.c_str(),
              capsule.lane.c_str(), static_cast<long long>(capsule.window_idx),
              capsule.ids.size());
  std::printf("against the golden: %s\n", expected.c_str());
  std::printf("against the failure: %s\n",
              as_before ? "reproduced to the last bit" : before.c_str());
  ExitStatus() = as_expected ? 0 : 1;
}

}  // namespace

void AddReplayCommand(Command& program) {
  auto a = std::make_shared<ReplayArguments>();
  Command command = program.Add(
      "replay", "Compute a failure's capsule once more and say where it parts");
  command.Add("capsule", a->capsule, "capsule.json of a check").Required();
  command.Add("--model MODEL", a->model,
              "the model's file, when it is elsewhere");
  command.Example(
      "plastometer replay RUN/capsules/quick/prose.uniform/capsule.json",
      "exit 0: this program computes what the golden holds");
  command.Callback([a] { Replay(*a); });
}

}  // namespace plastometer
