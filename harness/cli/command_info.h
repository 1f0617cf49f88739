// What the commands take, as plain data: the help, the manual pages and the
// completion of words in a shell are all made from this.
#pragma once
#include <list>
#include <string>
#include <utility>
#include <vector>

namespace plastometer {

struct OptionInfo {
  std::string name;   // "--out"; of a positional argument "runs"
  std::string value;  // "FILE"; empty: a flag, or a positional argument
  std::string help;
  std::string group;         // heading above it
  std::string default_text;  // empty: none, or said in the help
  std::vector<std::string> choices;
  std::vector<std::string> excludes;
  bool required = false, repeated = false;
  bool positional() const { return name[0] != '-'; }
  std::string Shown() const;  // "--out FILE", "--method auto|greedy"
  // "required; default: 8; not with --data", in that order; or empty.
  std::string Remarks() const;
};

struct Example {
  std::string line, what;
};

struct CommandInfo {
  std::string name;  // "plastometer data fetch"
  std::string group, summary;
  std::vector<Example> examples;
  std::vector<std::pair<std::string, std::string>> notes;  // heading, text
  std::list<OptionInfo> options;
  std::list<CommandInfo> commands;

  std::string word() const;  // the last of its name: "fetch"
  // "plastometer data fetch [OPTIONS] [names ...]"
  std::string Usage() const;
};

// All exit codes and what they mean.
struct ExitCodeMeaning {
  const char *code, *meaning;
};
const std::vector<ExitCodeMeaning>& ExitCodeMeanings();

// Headings of `list` (options or commands) in the order of their first use.
template <class List>
std::vector<std::string> GroupsOf(const List& list) {
  std::vector<std::string> groups;
  for (const auto& one : list) {
    bool known = false;
    for (const std::string& group : groups) known |= group == one.group;
    if (!known) groups.push_back(one.group);
  }
  return groups;
}

// --help, in lines of at most `width` columns where words allow it.
std::string HelpText(const CommandInfo& command, int width);
// A manual page (section 1) in troff; `version` goes into its foot.
std::string ManualPage(const CommandInfo& command, const std::string& version);
// Scripts that a shell sources.
std::string BashCompletion(const CommandInfo& program);
std::string ZshCompletion(const CommandInfo& program);

}  // namespace plastometer
