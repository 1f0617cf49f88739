#include "harness/cli/command_info.h"

#include <algorithm>
#include <sstream>

namespace plastometer {
namespace {

constexpr size_t kIndent = 2;
constexpr char kNoBreak = '\x1f';  // a space at which no line ends

// `text` from column `at` on, which it may have to wait for: `line` is what
// stands there already. Later lines begin in the same column.
std::string Wrapped(std::string line, const std::string& text, size_t at,
                    size_t width) {
  std::string done;
  if (line.size() + kIndent > at && !line.empty()) {
    done = line + "\n";
    line.clear();
  }
  line.resize(at, ' ');
  std::istringstream words(text);
  bool first = true;
  for (std::string word; words >> word; first = false) {
    if (!first && line.size() + 1 + word.size() > width) {
      done += line + "\n";
      line.assign(at, ' ');
      first = true;
    }
    line += (first ? "" : " ") + word;
  }
  done += line + "\n";
  std::ranges::replace(done, kNoBreak, ' ');
  return done;
}

std::string Paragraphs(const std::string& text, size_t width) {
  std::string wrapped;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    wrapped += line.empty() ? "\n" : Wrapped("", line, 0, width);
  return wrapped;
}

std::string Joined(const std::vector<std::string>& words, const char* between) {
  std::string text;
  for (const std::string& word : words)
    text += (text.empty() ? "" : between) + word;
  return text;
}

std::string ExitCodesText() {
  std::string text = "Exit codes:";
  for (const ExitCodeMeaning& code : ExitCodeMeanings())
    text += std::string(text.back() == ':' ? " " : "; ") + code.code +
            kNoBreak + code.meaning;
  return text + ".";
}

std::string OptionLines(const OptionInfo& option, size_t column, size_t width) {
  const std::string remarks = option.Remarks();
  return Wrapped("  " + option.Shown(),
                 option.help + (remarks.empty() ? "" : " (" + remarks + ")"),
                 column, width);
}

// Positional arguments, then options under their headings.
std::string OptionsText(const CommandInfo& command, size_t column,
                        size_t width) {
  std::string arguments, text;
  for (const OptionInfo& option : command.options)
    if (option.positional()) arguments += OptionLines(option, column, width);
  if (!arguments.empty()) text += "\nArguments:\n" + arguments;
  for (const std::string& group : GroupsOf(command.options)) {
    std::string lines;
    for (const OptionInfo& option : command.options)
      if (!option.positional() && option.group == group)
        lines += OptionLines(option, column, width);
    if (!lines.empty())
      text += "\n" + (group.empty() ? "Options" : group) + ":\n" + lines;
  }
  return text + "\n" +
         Wrapped("  -h, --help", "print this help and exit", column, width);
}

std::string CommandsText(const CommandInfo& command, size_t column,
                         size_t width) {
  std::string text;
  for (const std::string& group : GroupsOf(command.commands)) {
    text += "\n" + (group.empty() ? "Commands" : group) + ":\n";
    for (const CommandInfo& one : command.commands)
      if (one.group == group)
        text += Wrapped("  " + one.word(), one.summary, column, width);
  }
  return text;
}

std::string Paragraph(const std::string& heading, const std::string& text,
                      size_t width) {
  return "\n" + Wrapped("", heading + ": " + text, 0, width);
}

}  // namespace

std::string OptionInfo::Remarks() const {
  std::vector<std::string> remarks;
  if (required) remarks.push_back("required");
  if (!default_text.empty()) remarks.push_back("default: " + default_text);
  if (!excludes.empty())
    remarks.push_back("not with " + Joined(excludes, ", "));
  return Joined(remarks, "; ");
}

std::string OptionInfo::Shown() const {
  std::string text = name;
  if (!choices.empty() && !positional())
    text += " " + Joined(choices, "|");
  else if (!value.empty())
    text += " " + value;
  return repeated ? text + " ..." : text;
}

std::string CommandInfo::word() const {
  return name.substr(name.rfind(' ') + 1);
}

std::string CommandInfo::Usage() const {
  std::string text = name + " [OPTIONS]";
  for (const OptionInfo& option : options)
    if (option.positional())
      text +=
          option.required ? " " + option.Shown() : " [" + option.Shown() + "]";
  return commands.empty() ? text : text + " COMMAND";
}

const std::vector<ExitCodeMeaning>& ExitCodeMeanings() {
  static const std::vector<ExitCodeMeaning> meanings = {
      {"0", "done, and as committed"},
      {"1", "quality, counts or bits moved"},
      {"2", "wrong usage"},
      {"3", "timing regression or alarm"},
      {"4", "input invalid, incomplete or corrupt, or a case without golden"},
      {"5", "refused"},
      {"6", "better than its golden, not blessed"},
      {"7", "inconclusive"},
      {"8", "driver, lost device, disk or memory"},
      {"70", "our own mistake"},
      {"77", "skipped"},
      {"130/143", "interrupted"}};
  return meanings;
}

std::string HelpText(const CommandInfo& command, int width) {
  const size_t columns = std::max(width, 40), at = columns < 100 ? 22 : 30;
  std::string text = Paragraphs(command.summary, columns) +
                     "\nUsage: " + command.Usage() + "\n";
  text += CommandsText(command, at, columns);
  text += OptionsText(command, at, columns);
  for (const Example& example : command.examples)
    text += (&example == &command.examples[0] ? "\nExamples:\n" : "") +
            ("  " + example.line + "\n") +
            Wrapped("", example.what, 6, columns);
  for (const auto& [heading, words] : command.notes)
    text += Paragraph(heading, words, columns);
  return text + "\n" + Wrapped("", ExitCodesText(), 0, columns);
}

}  // namespace plastometer
