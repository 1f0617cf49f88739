// How commands say what they take. A declaration is read three times: by the
// parser, by --help and the manual pages, and by the shells that complete
// words. The parser is CLI11, which command_line.cc alone includes.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "harness/cli/command_info.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace plastometer {

// A handle; every function gives it back for the next one.
class Option {
 public:
  Option Required();
  Option ShowDefault();  // for defaults that are not markers
  Option OneOf(const std::vector<std::string>& values);
  Option Between(int64_t least, int64_t most);
  Option NotNegative();
  Option ExistingFile();
  Option Commas();   // of a list: "a,b" are two
  Option OneEach();  // of a list: repeated, it takes one word each time
  Option Excludes(const std::string& option);
  Option Needs(const std::string& option);
  // An old name is an error that tells the new one.
  Option Formerly(const std::string& name);

 private:
  friend class Command;
  Option(CLI::App* app, CLI::Option* option, OptionInfo* info)
      : app_(app), option_(option), info_(info) {}
  CLI::App* app_;
  CLI::Option* option_;
  OptionInfo* info_;
};

// A handle too.
class Command {
 public:
  Command(CLI::App* app, CommandInfo* info) : app_(app), info_(info) {}

  // One of its commands, listed below the heading set last.
  Command Add(const std::string& name, const std::string& summary);
  // `name`: "--out FILE", or "runs" of a positional argument. FILE, FOLDER and
  // PATH are completed by shells.
  Option Add(const std::string& name, std::string& to, const std::string& help);
  Option Add(const std::string& name, int& to, const std::string& help);
  Option Add(const std::string& name, int64_t& to, const std::string& help);
  Option Add(const std::string& name, std::vector<std::string>& to,
             const std::string& help);
  Option Add(const std::string& name, std::vector<int64_t>& to,
             const std::string& help);
  Option Add(const std::string& name, std::vector<double>& to,
             const std::string& help);
  Option Flag(const std::string& name, bool& to, const std::string& help);
  // --name sets `value`, --name=WORD another one.
  Option Flag(const std::string& name, const std::string& value,
              std::string& to, const std::string& help);

  // Heading of what is added next.
  void Heading(const std::string& heading);
  void Example(const std::string& line, const std::string& what);
  void Note(const std::string& heading, const std::string& text);
  void Callback(std::function<void()> run);
  // Wants one of its commands.
  void RequireCommand();
  const CommandInfo& info() const { return *info_; }

 private:
  template <class T>
  Option AddTo(const std::string& name, T& to, const std::string& help);
  OptionInfo* NewInfo(const std::string& name, const std::string& help);

  CLI::App* app_;
  CommandInfo* info_;
  std::string heading_;
};

// The program's own options and commands.
class CommandLine {
 public:
  CommandLine(const std::string& name, const std::string& description,
              const std::string& version);
  CommandLine(CommandLine&&) noexcept;
  ~CommandLine();

  Command root();
  const CommandInfo& info() const { return *info_; }
  // Runs the command that was named; --help and --version print and do no
  // more. Throws kUsage, and what the command throws.
  void Run(int argc, const char* const* argv, int help_width);

 private:
  const CommandInfo& Selected() const;

  std::unique_ptr<CommandInfo> info_;  // commands hold on to it
  std::unique_ptr<CLI::App> app_;
};

}  // namespace plastometer
