// A group of the user's own making: options that name model, text or task, and
// profiles. `run`, `sensitivity` and others take the same ones.
#pragma once
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "harness/cli/command_line.h"
#include "harness/suite/suite.h"

namespace plastometer {

inline constexpr int64_t kNotGiven = std::numeric_limits<int64_t>::min();

struct GroupOptions {
  std::string model, data, slice, tokenizer, task, score, protocol;
  std::string parameters = "{}";
  int64_t task_seed = 1;
  std::vector<std::string> profiles, domains, sources;
  int64_t context = 0, windows = kNotGiven, documents = 0;
  bool any() const;  // something was given
};

void AddGroupOptions(Command& command, GroupOptions& options);
// For commands that do not choose the profiles themselves.
void AddProfilesOption(Command& command, GroupOptions& options);
// What a profile may be, at the end of the help.
void AddProfilesNote(Command& command);

// `group` with the options laid over it. A model that was trained on a
// generated task brings that task when no other data are named. Throws kUsage,
// kInvalid.
void ChangeGroup(const GroupOptions& options, SuiteGroup& group);

// The default suite's group, changed.
SuiteGroup GroupOf(const GroupOptions& options);

}  // namespace plastometer
