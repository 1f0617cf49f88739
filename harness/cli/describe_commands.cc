// The program about itself: completion scripts and manual pages.
#include <cstdio>
#include <memory>

#include "base/error.h"
#include "harness/cli/commands.h"

namespace plastometer {
namespace {

// `words` after the program's name: {"data", "fetch"}.
const CommandInfo& Find(const CommandInfo& program,
                        const std::vector<std::string>& words) {
  const CommandInfo* found = &program;
  for (const std::string& word : words) {
    const CommandInfo* below = nullptr;
    std::string known;
    for (const CommandInfo& command : found->commands) {
      if (command.word() == word) below = &command;
      known += (known.empty() ? "" : ", ") + command.word();
    }
    if (below == nullptr)
      throw UsageError("man: " + found->name + " has no command '" + word +
                       "'; expected " +
                       (known.empty() ? "none" : "one of " + known));
    found = below;
  }
  return *found;
}

struct DescribeArguments {
  std::string shell;
  std::vector<std::string> words;
};

}  // namespace

void AddDescribeCommands(Command& program) {
  auto a = std::make_shared<DescribeArguments>();
  const CommandInfo& info = program.info();
  Command man = program.Add(
      "man", "Print a manual page, of the program or of one command");
  man.Add("command", a->words, "\"data fetch\" is two words");
  man.Example("plastometer man run | man -l -", "read it");
  man.Example("plastometer man >plastometer.1", "install it");
  man.Callback([a, &info] {
    std::fputs(ManualPage(Find(info, a->words), PLASTOMETER_VERSION).c_str(),
               stdout);
  });

  Command completion = program.Add(
      "completion", "Print a script with which a shell completes words");
  completion.Add("shell", a->shell, "bash or zsh")
      .Required()
      .OneOf({"bash", "zsh"});
  completion.Example("source <(plastometer completion bash)",
                     "in ~/.bashrc; zsh in ~/.zshrc likewise, after compinit");
  completion.Callback([a, &info] {
    std::fputs((a->shell == "bash" ? BashCompletion(info) : ZshCompletion(info))
                   .c_str(),
               stdout);
  });
}

}  // namespace plastometer
