#include "harness/cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <tuple>
#include <type_traits>

#include "base/error.h"
#include "base/text.h"

namespace plastometer {
namespace {

// "--out FILE" -> {"--out", "FILE"}
std::pair<std::string, std::string> SplitName(const std::string& name) {
  const size_t space = name.find(' ');
  if (space == std::string::npos) return {name, ""};
  return {name.substr(0, space), name.substr(space + 1)};
}

// "a,b" -> "a, b"
std::string Spaced(const std::string& list) {
  std::string spaced;
  for (const char c : list) spaced += c == ',' ? ", " : std::string(1, c);
  return spaced;
}

// "data slice"
std::string NameBelowProgram(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  return parent == nullptr || parent->get_parent() == nullptr
             ? app.get_name()
             : NameBelowProgram(*parent) + " " + app.get_name();
}

// `check` once wrote its report to the word after --json.
std::string HintForExtras(int argc, const char* const* argv) {
  for (int i = 1; i + 1 < argc; ++i)
    if (std::string(argv[i]) == "--json" && argv[i + 1][0] != '-')
      return "; --json takes no word: it prints, and --out says where files go";
  return "";
}

// The first word that should be a command and is none, with the nearest one; ""
// where every word is one.
std::string UnknownCommand(const CommandInfo& program, int argc,
                           const char* const* argv) {
  const CommandInfo* at = &program;
  for (int i = 1; i < argc && !at->commands.empty(); ++i) {
    const std::string word = argv[i];
    if (word.starts_with("-")) return "";
    std::vector<std::string> known;
    const CommandInfo* below = nullptr;
    for (const CommandInfo& command : at->commands) {
      known.push_back(command.word());
      if (command.word() == word) below = &command;
    }
    if (below == nullptr)
      return at->name + " has no command '" + word + "'" +
             DidYouMean(word, known);
    at = below;
  }
  return "";
}

// The first option that `command` does not have, with the nearest one; "" where
// it has all. The parser names a required option that is missing first.
std::string UnknownOption(const CommandInfo& command, int argc,
                          const char* const* argv) {
  std::vector<std::string> known = {"--help"};
  for (const OptionInfo& option : command.options)
    if (!option.positional()) known.push_back(option.name);
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    word = word.substr(0, word.find('='));
    if (word.starts_with("--") && word != "--" &&
        std::ranges::find(known, word) == known.end())
      return command.name + " has no option " + word + DidYouMean(word, known);
  }
  return "";
}

template <class T>
struct NumberOf : std::type_identity<T> {};
template <class T>
struct NumberOf<std::vector<T>> : std::type_identity<T> {};

// Before the parser's own conversion, which takes 010 for 8 and the largest
// number for one that is larger still: decimal, finite, and one that T holds.
template <class T>
std::string CheckNumber(std::string& text) {
  constexpr bool kWhole = std::is_integral_v<T>;
  const char* const end = text.data() + text.size();
  T value{};
  const auto [at, error] =
      std::from_chars(text.data() + text.starts_with('+'), end, value);
  if (error == std::errc::invalid_argument || at != end)
    return text + "; expected a " + (kWhole ? "whole number" : "number");
  if (error != std::errc() || !std::isfinite(static_cast<double>(value)))
    return text + "; expected a number that " + std::to_string(8 * sizeof(T)) +
           " bits hold";
  if constexpr (kWhole) text = std::to_string(value);
  return "";
}

}  // namespace

Option Option::Required() {
  option_->required();
  info_->required = true;
  return *this;
}

Option Option::ShowDefault() {
  option_->capture_default_str();
  const std::string text = option_->get_default_str();
  const bool list = info_->repeated && text.front() == '[';
  info_->default_text = list ? Spaced(text.substr(1, text.size() - 2)) : text;
  return *this;
}

Option Option::OneOf(const std::vector<std::string>& values) {
  option_->check(CLI::IsMember(values));
  info_->choices = values;
  return *this;
}

Option Option::Between(int64_t least, int64_t most) {
  option_->check(CLI::Range(least, most));
  return *this;
}

Option Option::NotNegative() {
  option_->check([](const std::string& text) -> std::string {
    return text.starts_with('-') ? text + "; expected a number of at least 0"
                                 : "";
  });
  return *this;
}

Option Option::ExistingFile() {
  option_->check(CLI::ExistingFile);
  return *this;
}

Option Option::Commas() {
  option_->delimiter(',');
  return *this;
}

Option Option::OneEach() {
  option_->allow_extra_args(false);
  return *this;
}

Option Option::Excludes(const std::string& option) {
  option_->excludes(app_->get_option(option));
  info_->excludes.push_back(option);
  return *this;
}

Option Option::Needs(const std::string& option) {
  option_->needs(app_->get_option(option));
  return *this;
}

Option Option::Formerly(const std::string& name) {
  const std::string command = NameBelowProgram(*app_),
                    text = command + ": " + name + " is now " + info_->name +
                           " (plastometer " + command + " --help)";
  const auto refuse = [text](const CLI::results_t&) -> bool {
    throw UsageError(text);
  };
  app_->add_option(name, refuse)->expected(0, 1)->group("");
  return *this;
}

OptionInfo* Command::NewInfo(const std::string& name, const std::string& help) {
  OptionInfo info;
  std::tie(info.name, info.value) = SplitName(name);
  info.help = help;
  info.group = heading_;
  return &info_->options.emplace_back(std::move(info));
}

template <class T>
Option Command::AddTo(const std::string& name, T& to, const std::string& help) {
  OptionInfo* info = NewInfo(name, help);
  CLI::Option* option = app_->add_option(info->name, to, help);
  using Number = NumberOf<T>::type;
  if constexpr (std::is_arithmetic_v<Number>)
    option->transform(CLI::Validator(CheckNumber<Number>, ""));
  info->repeated = option->get_expected_max() > 1;
  return {app_, option, info};
}

Command Command::Add(const std::string& name, const std::string& summary) {
  CommandInfo& info = info_->commands.emplace_back();
  info.name = info_->name + " " + name;
  info.group = heading_;
  info.summary = summary;
  return {app_->add_subcommand(name, summary), &info};
}

Option Command::Add(const std::string& name, std::string& to,
                    const std::string& help) {
  return AddTo(name, to, help);
}

Option Command::Add(const std::string& name, int& to, const std::string& help) {
  return AddTo(name, to, help);
}

Option Command::Add(const std::string& name, int64_t& to,
                    const std::string& help) {
  return AddTo(name, to, help);
}

Option Command::Add(const std::string& name, std::vector<std::string>& to,
                    const std::string& help) {
  return AddTo(name, to, help);
}

Option Command::Add(const std::string& name, std::vector<int64_t>& to,
                    const std::string& help) {
  return AddTo(name, to, help);
}

Option Command::Add(const std::string& name, std::vector<double>& to,
                    const std::string& help) {
  return AddTo(name, to, help);
}

Option Command::Flag(const std::string& name, bool& to,
                     const std::string& help) {
  OptionInfo* info = NewInfo(name, help);
  return {app_, app_->add_flag(name, to, help), info};
}

Option Command::Flag(const std::string& name, const std::string& value,
                     std::string& to, const std::string& help) {
  OptionInfo* info = NewInfo(name, help);
  return {app_, app_->add_flag(name + "{" + value + "}", to, help), info};
}

void Command::Heading(const std::string& heading) { heading_ = heading; }

void Command::Example(const std::string& line, const std::string& what) {
  info_->examples.push_back({line, what});
}

void Command::Note(const std::string& heading, const std::string& text) {
  info_->notes.emplace_back(heading, text);
}

void Command::Callback(std::function<void()> run) {
  app_->callback(std::move(run));
}

void Command::RequireCommand() { app_->require_subcommand(1); }

CommandLine::CommandLine(const std::string& name,
                         const std::string& description,
                         const std::string& version)
    : info_(std::make_unique<CommandInfo>()),
      app_(std::make_unique<CLI::App>(description, name)) {
  info_->name = name;
  info_->summary = description;
  app_->set_version_flag("--version", name + " " + version);
  OptionInfo show_version;
  show_version.name = "--version";
  show_version.help = "print the version and exit";
  info_->options.push_back(show_version);
}

CommandLine::CommandLine(CommandLine&&) noexcept = default;
CommandLine::~CommandLine() = default;

Command CommandLine::root() { return {app_.get(), info_.get()}; }

const CommandInfo& CommandLine::Selected() const {
  const CommandInfo* info = info_.get();
  for (const CLI::App* app = app_.get(); !app->get_subcommands().empty();) {
    app = app->get_subcommands().back();
    info = &*std::ranges::find(info->commands, app->get_name(),
                               &CommandInfo::word);
  }
  return *info;
}

void CommandLine::Run(int argc, const char* const* argv, int help_width) {
  try {
    app_->parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    std::fputs(HelpText(Selected(), help_width).c_str(), stdout);
  } catch (const CLI::CallForVersion& version) {
    std::printf("%s\n", version.what());
  } catch (const CLI::ParseError& error) {
    const bool extras =
        dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr;
    std::string what = UnknownCommand(*info_, argc, argv);
    if (what.empty()) what = UnknownOption(Selected(), argc, argv);
    if (what.empty())
      what = error.what() + (extras ? HintForExtras(argc, argv) : "");
    throw UsageError(
        what + "\nTry `plastometer --help` or `plastometer COMMAND --help`.");
  }
}

}  // namespace plastometer
