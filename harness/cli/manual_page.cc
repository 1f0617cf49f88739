// Manual pages in troff's man macros.
#include <sstream>

#include "harness/cli/command_info.h"

namespace plastometer {
namespace {

// Nothing in it is a request or a hyphen that may be broken.
std::string Escaped(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\')
      escaped += "\\e";
    else if (c == '-')
      escaped += "\\-";
    else
      escaped += c;
  }
  const bool request = text[0] == '.' || text[0] == '\'';
  return request ? "\\&" + escaped : escaped;
}

// "plastometer data fetch" -> "plastometer-data-fetch"
std::string PageName(const CommandInfo& command) {
  std::string name = command.name;
  for (char& c : name)
    if (c == ' ') c = '-';
  return name;
}

std::string Item(const std::string& term, const std::string& text) {
  return ".TP\n.B " + Escaped(term) + "\n" + Escaped(text) + "\n";
}

std::string FirstLine(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

std::string Options(const CommandInfo& command) {
  std::string text;
  for (const std::string& group : GroupsOf(command.options)) {
    if (!group.empty()) text += ".SS " + Escaped(group) + "\n";
    for (const OptionInfo& option : command.options) {
      if (option.group != group) continue;
      const std::string remarks = option.Remarks();
      text += Item(option.Shown(),
                   option.help + (remarks.empty() ? "" : " (" + remarks + ")"));
    }
  }
  return text + Item("-h, --help", "print the help and exit");
}

std::string Commands(const CommandInfo& command) {
  std::string text;
  for (const std::string& group : GroupsOf(command.commands)) {
    if (!group.empty()) text += ".SS " + Escaped(group) + "\n";
    for (const CommandInfo& one : command.commands)
      if (one.group == group) text += Item(one.word(), one.summary);
  }
  return text;
}

std::string Description(const CommandInfo& command) {
  std::string text;
  std::istringstream lines(command.summary);
  for (std::string line; std::getline(lines, line);)
    text += line.empty() ? ".PP\n" : Escaped(line) + "\n";
  for (const auto& [heading, words] : command.notes)
    text += ".PP\n" + Escaped(heading + ": " + words) + "\n";
  return text;
}

}  // namespace

std::string ManualPage(const CommandInfo& command, const std::string& version) {
  const std::string page = Escaped(PageName(command));
  std::string text = ".TH " + page + " 1 \"\" \"plastometer " +
                     Escaped(version) + "\"\n.SH NAME\n" + page + " \\- " +
                     Escaped(FirstLine(command.summary)) +
                     "\n.SH SYNOPSIS\n.B " + Escaped(command.Usage()) +
                     "\n.SH DESCRIPTION\n" + Description(command);
  if (!command.commands.empty()) text += ".SH COMMANDS\n" + Commands(command);
  text += ".SH OPTIONS\n" + Options(command);
  if (!command.examples.empty()) text += ".SH EXAMPLES\n";
  for (const Example& example : command.examples)
    text += Item(example.line, example.what);
  text += ".SH \"EXIT STATUS\"\n";
  for (const ExitCodeMeaning& code : ExitCodeMeanings())
    text += Item(code.code, code.meaning);
  return text;
}

}  // namespace plastometer
