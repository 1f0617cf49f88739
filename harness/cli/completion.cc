// Completion scripts for bash and zsh.
#include <functional>

#include "harness/cli/command_info.h"

namespace plastometer {
namespace {

// The command itself and all below it.
void ForEach(const CommandInfo& command,
             const std::function<void(const CommandInfo&)>& look) {
  look(command);
  for (const CommandInfo& one : command.commands) ForEach(one, look);
}

std::string Quoted(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + "'";
}

void AppendWord(const std::string& word, const char* between,
                std::string& list) {
  list += (list.empty() ? "" : between) + word;
}

// A shell's `case` arm that walks from a command to one below it.
std::string CommandNames(const CommandInfo& program) {
  std::string names;
  ForEach(program, [&](const CommandInfo& command) {
    if (&command != &program) AppendWord(Quoted(command.name), "|", names);
  });
  return names;
}

// Options that take a value; those without choices by what the value is.
std::string BashValues(const CommandInfo& program) {
  std::string files, folders, others, choices;
  ForEach(program, [&](const CommandInfo& command) {
    for (const OptionInfo& option : command.options) {
      const std::string pattern = Quoted(command.name + " " + option.name);
      std::string words;
      for (const std::string& choice : option.choices)
        AppendWord(choice, " ", words);
      if (option.positional()) continue;
      if (!words.empty())
        choices += "    " + pattern + ") words=" + Quoted(words) + " ;;\n";
      else if (option.value == "FOLDER")
        AppendWord(pattern, "|", folders);
      else if (option.value == "FILE" || option.value == "PATH")
        AppendWord(pattern, "|", files);
      else if (!option.value.empty())
        AppendWord(pattern, "|", others);
    }
  });
  return choices + "    " + files +
         ")\n      COMPREPLY=($(compgen -f -- \"$cur\"))\n      return ;;\n" +
         "    " + folders +
         ")\n      COMPREPLY=($(compgen -d -- \"$cur\"))\n      return ;;\n" +
         "    " + others + ") return ;;\n";
}

// What may follow a command: its commands, or the choices of its argument;
// options, where nothing else can be or a dash was typed.
std::string BashWords(const CommandInfo& command) {
  std::string words, options = "--help";
  bool files = false;
  for (const CommandInfo& one : command.commands)
    AppendWord(one.word(), " ", words);
  for (const OptionInfo& option : command.options) {
    if (!option.positional()) AppendWord(option.name, " ", options);
    files |= option.positional() && option.choices.empty();
    if (option.positional())
      for (const std::string& choice : option.choices)
        AppendWord(choice, " ", words);
  }
  if (words.empty() && !files) words = options;
  return "    " + Quoted(command.name) + ") words=" + Quoted(words) +
         " options=" + Quoted(options) + " files=" + (files ? "1" : "") +
         " ;;\n";
}

std::string ZshText(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string ZshAction(const OptionInfo& option) {
  std::string words;
  for (const std::string& choice : option.choices)
    AppendWord(choice, " ", words);
  if (!words.empty()) return "(" + words + ")";
  if (option.value == "FOLDER") return "_files -/";
  const bool path = option.value == "FILE" || option.value == "PATH";
  return path || option.positional() ? "_files" : " ";
}

// A specification for _arguments.
std::string ZshArgument(const OptionInfo& option) {
  const std::string action = ":" + option.name + ":" + ZshAction(option);
  if (option.positional()) return Quoted((option.repeated ? "*" : "") + action);
  std::string spec = (option.repeated ? "*" : "") + option.name + "[" +
                     ZshText(option.help) + "]";
  if (!option.value.empty() || !option.choices.empty())
    spec += ":" + (option.value.empty() ? "value" : option.value) + ":" +
            ZshAction(option);
  return Quoted(spec);
}

std::string ZshCase(const CommandInfo& command) {
  std::string text = "    " + Quoted(command.name) + ")\n";
  if (!command.commands.empty()) {
    text += "      commands=(\n";
    for (const CommandInfo& one : command.commands)
      text += "        " + Quoted(one.word() + ":" + one.summary) + "\n";
    return text + "      )\n      _describe command commands ;;\n";
  }
  text += "      _arguments '(- *)'--help'[print the help and exit]'";
  for (const OptionInfo& option : command.options)
    text += " \\\n        " + ZshArgument(option);
  return text + " ;;\n";
}

}  // namespace

std::string BashCompletion(const CommandInfo& program) {
  std::string cases;
  ForEach(program,
          [&](const CommandInfo& command) { cases += BashWords(command); });
  return "# Made by `plastometer completion bash`.\n"
         "_plastometer() {\n"
         "  local cur=${COMP_WORDS[COMP_CWORD]}\n"
         "  local prev=${COMP_WORDS[COMP_CWORD-1]}\n"
         "  local command=plastometer word words='' options='' files=''\n"
         "  COMPREPLY=()\n"
         "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
         "    case \"$command $word\" in\n"
         "      " +
         CommandNames(program) +
         ")\n        command+=\" $word\" ;;\n"
         "    esac\n"
         "  done\n"
         "  case \"$command $prev\" in\n" +
         BashValues(program) +
         "  esac\n"
         "  [[ -n $words ]] || case \"$command\" in\n" +
         cases +
         "  esac\n"
         "  [[ $cur != -* ]] || words=$options\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
         "  [[ -z $files || $cur == -* ]] ||\n"
         "    COMPREPLY+=($(compgen -f -- \"$cur\"))\n"
         "}\n"
         "complete -o filenames -F _plastometer plastometer\n";
}

std::string ZshCompletion(const CommandInfo& program) {
  std::string cases;
  ForEach(program,
          [&](const CommandInfo& command) { cases += ZshCase(command); });
  return "#compdef plastometer\n"
         "# Made by `plastometer completion zsh`.\n"
         "_plastometer() {\n"
         "  local command=plastometer word\n"
         "  local -a commands\n"
         "  local -i depth=1\n"
         "  for word in \"${(@)words[2,CURRENT-1]}\"; do\n"
         "    case \"$command $word\" in\n"
         "      " +
         CommandNames(program) +
         ")\n        command+=\" $word\"; (( ++depth )) ;;\n"
         "    esac\n"
         "  done\n"
         "  words=(\"${(@)words[depth,-1]}\")\n"
         "  (( CURRENT -= depth - 1 ))\n"
         "  case \"$command\" in\n" +
         cases +
         "  esac\n"
         "}\n"
         "if [[ ${funcstack[1]} == _plastometer ]]; then\n"
         "  _plastometer \"$@\"\n"
         "else\n"
         "  compdef _plastometer plastometer\n"
         "fi\n";
}

}  // namespace plastometer
