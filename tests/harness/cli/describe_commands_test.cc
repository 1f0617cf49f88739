// Help, completion and manual pages are made from what the commands declare.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <regex>
#include <set>
#include <sstream>

#include "base/error.h"
#include "base/files.h"
#include "harness/cli/commands.h"
#include "tests/errors.h"
#include "tests/paths.h"

namespace plastometer {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSupersetOf;
using Words = std::set<std::string>;

// The first group of every match.
Words Matches(const std::string& text, const char* pattern) {
  const std::regex regex(pattern);
  Words found;
  for (std::sregex_iterator m(text.begin(), text.end(), regex), end; m != end;
       ++m)
    found.insert((*m)[1]);
  return found;
}

void ForEachBelow(const CommandInfo& command,
                  const std::function<void(const CommandInfo&)>& look) {
  for (const CommandInfo& one : command.commands) {
    look(one);
    ForEachBelow(one, look);
  }
}

// What the program prints.
std::string Printed(std::vector<const char*> words, int width = 80) {
  words.insert(words.begin(), "plastometer");
  testing::internal::CaptureStdout();
  CommandLine line = ProgramCommandLine();
  line.Run(static_cast<int>(words.size()), words.data(), width);
  return testing::internal::GetCapturedStdout();
}

// Lines that are too long for no good reason: the usage and the lines of
// examples are not wrapped.
std::vector<std::string> LongLines(const std::string& help, size_t width) {
  std::vector<std::string> lines;
  std::istringstream stream(help);
  for (std::string line; std::getline(stream, line);)
    if (line.size() > width && line.find("plastometer ") == std::string::npos)
      lines.push_back(line);
  return lines;
}

// Runs a line of shell in `folder`; its exit code.
int Shell(const TemporaryFolder& folder, const std::string& line) {
  return std::system(
      ("cd '" + folder.path().string() + "' && " + line).c_str());
}

// What a line of options is refused with.
std::string Refusal(std::vector<const char*> words) {
  words.insert(words.begin(), "plastometer");
  return MessageOf(
      [&] {
        ProgramCommandLine().Run(static_cast<int>(words.size()), words.data(),
                                 80);
      },
      ErrorKind::kUsage);
}

TEST(Numbers, AreDecimalAndFitTheirPlace) {
  const auto of_seed = [](const char* text) {
    return Refusal({"search", "--layers", "1", "--seed", text});
  };
  for (const char* huge : {"18446744073709551616", "-9223372036854775809"})
    EXPECT_THAT(of_seed(huge),
                HasSubstr("--seed: " + std::string(huge) +
                          "; expected a number that 64 bits hold"));
  for (const char* odd : {"1.5", "nan", "1e3", "0x10", "", "3 "})
    EXPECT_THAT(of_seed(odd), HasSubstr("expected a whole number"));
  EXPECT_THAT(Refusal({"run", "--threads", "9999999999"}),
              HasSubstr("--threads: 9999999999; expected a number that 32"));
  // 010 is ten, not eight: eight would be within the range.
  EXPECT_THAT(Refusal({"end-to-end", "--threads", "01025"}),
              HasSubstr("1025 not in range 1 to 1024"));
  for (const char* rate : {"inf", "nan", "1e999"})
    EXPECT_THAT(Refusal({"end-to-end", "--rate", rate}),
                HasSubstr("expected a number that 64 bits hold"));
  EXPECT_THAT(Refusal({"end-to-end", "--rate", "0.1", "-1"}),
              HasSubstr("--rate: -1; expected a number of at least 0"));
  EXPECT_THAT(Refusal({"search", "--frontier", "--evaluations", "-1"}),
              HasSubstr("--evaluations: -1; expected"));
}

TEST(Help, OfTheProgramHasGroupsAndAllExitCodes) {
  const std::string help = Printed({"--help"});
  for (const char* group :
       {"Measure", "Goldens", "Studies", "Models and data", "Look"})
    EXPECT_THAT(help, HasSubstr("\n" + std::string(group) + ":\n"));
  const std::string docs = ReadFile(SourcePath("docs/ci.md"));
  const Words codes =
      Matches(docs.substr(docs.find("| code |"), 2000), "\n\\| (\\d+)");
  EXPECT_THAT(codes, IsSupersetOf({"0", "6", "77", "130"}));
  const Words listed = Matches(help, "[:;]\\s(\\d+)[/ ]");
  EXPECT_EQ(listed, codes);
}

TEST(Help, OfEveryCommandFitsAndHasExamples) {
  const CommandLine line = ProgramCommandLine();
  size_t num_commands = 0;
  ForEachBelow(line.info(), [&](const CommandInfo& command) {
    ++num_commands;
    EXPECT_FALSE(command.examples.empty()) << command.name;
    for (const int width : {80, 120})
      EXPECT_THAT(
          LongLines(HelpText(command, width), static_cast<size_t>(width)),
          IsEmpty())
          << command.name;
  });
  EXPECT_GT(num_commands, 25u);
  EXPECT_THAT(Printed({"data", "make", "--help"}),
              AllOf(HasSubstr("Usage: plastometer data make [OPTIONS] task\n"),
                    HasSubstr("Examples:\n"), HasSubstr("Exit codes: 0 ")));
}

// Options of examples are options of the command that they show.
TEST(Help, ExamplesUseWhatIsDeclared) {
  const CommandLine line = ProgramCommandLine();
  ForEachBelow(line.info(), [](const CommandInfo& command) {
    if (!command.commands.empty()) return;
    Words declared;
    for (const OptionInfo& option : command.options)
      declared.insert(option.name);
    for (const Example& example : command.examples) {
      if (example.line.rfind(command.name + " ", 0) != 0) continue;
      const Words used = Matches(example.line, " (--[a-z-]+)");
      EXPECT_THAT(declared, IsSupersetOf(used)) << example.line;
    }
  });
}

TEST(Help, SaysDefaultsChoicesAndWhatExcludesWhat) {
  EXPECT_THAT(Printed({"search", "--help"}, 500),
              AllOf(HasSubstr("--method auto|greedy|exhaustive"),
                    HasSubstr("(default: auto)"),
                    HasSubstr("beats in both loss and cost (not with "
                              "--layers)")));
  EXPECT_THAT(Printed({"export", "--help"}, 500), HasSubstr("(required)"));
  EXPECT_THAT(Printed({"drift", "--help"}, 500),
              AllOf(HasSubstr("128, 256, 512, 1024, 2048)"),
                    HasSubstr("(not with --probe-data)")));
}

TEST(CommandLine, OldNamesTellTheNewOnes) {
  const std::pair<std::vector<const char*>, const char*> cases[] = {
      {{"score", "--text", "a"}, "score: --text is now --data"},
      {{"score", "--length", "9"}, "--length is now --context"},
      {{"train", "/dev/null", "--output", "m"}, "--output is now --out"},
      {{"data", "slice", "--source", "novels"},
       "data slice: --source is now --sources"},
      {{"data", "slice", "--domain", "a"}, "--domain is now --domains"},
      {{"data", "make", "mqar", "--seed", "3"}, "--seed is now --task-seed"},
      {{"data", "make", "mqar", "--length=3"}, "--length is now --context"},
      {{"drift", "--probe-text", "a"}, "--probe-text is now --probe-data"},
      {{"drift", "--probe-held-out", "a"},
       "--probe-held-out is now --probe-sources"},
      {{"drift", "--format", "json"}, "drift: --format is now --json"},
      {{"report", "r", "--format", "json"}, "report: --format is now --json"},
      {{"mean-state", "--format"}, "mean-state: --format is now --json"},
      {{"check", "quick", "--json", "c.json"}, "--json takes no word"}};
  for (const auto& [words, message] : cases) {
    try {
      Printed(words);
      ADD_FAILURE() << message;
    } catch (const Error& error) {
      testing::internal::GetCapturedStdout();
      EXPECT_EQ(error.exit_code(), 2) << message;
      EXPECT_THAT(error.what(), HasSubstr(message));
    }
  }
}

// What bash completes after `words`, the last of which is being typed.
Words Completed(const TemporaryFolder& folder, const std::string& words) {
  WriteFile(folder.path() / "complete.sh", Printed({"completion", "bash"}));
  WriteFile(folder.path() / "ask.sh",
            "source ./complete.sh\n"
            "COMP_WORDS=(plastometer " +
                words +
                ")\n"
                "COMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n"
                "_plastometer\n"
                "printf '<%s>\\n' \"${COMPREPLY[@]}\"\n");
  EXPECT_EQ(Shell(folder, "bash ask.sh >out 2>err"), 0) << words;
  EXPECT_EQ(ReadFile(folder.path() / "err"), "") << words;
  return Matches(ReadFile(folder.path() / "out"), "<(.+)>");
}

TEST(Completion, BashKnowsCommandsOptionsValuesAndFiles) {
  const TemporaryFolder folder;
  WriteFile(folder.path() / "text.txt", "");
  std::filesystem::create_directory(folder.path() / "texts");
  const auto completed = [&](const char* words) {
    return Completed(folder, words);
  };
  EXPECT_EQ(completed("sc"), Words{"score"});
  EXPECT_THAT(completed("''"), IsSupersetOf({"run", "data", "env"}));
  EXPECT_EQ(completed("data ma"), Words{"make"});
  EXPECT_EQ(completed("data make mqar --ta"), Words{"--task-seed"});
  EXPECT_EQ(completed("search --method g"), Words{"greedy"});
  EXPECT_EQ(completed("completion ''"), (Words{"bash", "zsh"}));
  EXPECT_EQ(completed("run --data te"), (Words{"text.txt", "texts"}));
  EXPECT_EQ(completed("run --out te"), Words{"texts"});
  EXPECT_EQ(completed("run --windows te"), Words{});
  EXPECT_THAT(completed("score --"),
              AllOf(Contains("--data"), testing::Not(Contains("--text"))));
}

// zsh itself, where it is installed, finds no mistake in the syntax.
TEST(Completion, ZshKnowsEveryCommand) {
  const TemporaryFolder folder;
  const std::string script = Printed({"completion", "zsh"});
  WriteFile(folder.path() / "_plastometer", script);
  EXPECT_EQ(Shell(folder, "! command -v zsh >/dev/null || zsh -n _plastometer"),
            0);
  EXPECT_EQ(script.rfind("#compdef plastometer\n", 0), 0u);
  ForEachBelow(ProgramCommandLine().info(), [&](const CommandInfo& command) {
    EXPECT_THAT(script, HasSubstr("    '" + command.name + "')\n"));
  });
  EXPECT_THAT(script,
              HasSubstr("'--method[auto\\: exhaustive up to 300 sets, else "
                        "greedy]:METHOD:(auto greedy exhaustive)'"));
}

// groff, where it is installed, finds nothing to warn of.
TEST(ManualPage, OfEveryCommand) {
  const TemporaryFolder folder;
  const auto check = [&](const CommandInfo& command) {
    const std::string page = ManualPage(command, "1");
    EXPECT_EQ(page.rfind(".TH plastometer", 0), 0u);
    for (const char* section : {"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS",
                                "EXAMPLES", "\"EXIT STATUS\""})
      EXPECT_THAT(page, HasSubstr("\n.SH " + std::string(section) + "\n"));
    EXPECT_THAT((Words{".SH", ".SS", ".TP", ".B", ".PP"}),
                IsSupersetOf(Matches(page, "\n([.'][^ \n]*)")))
        << command.name;
    for (const OptionInfo& option : command.options) {
      const std::string name =
          std::regex_replace(option.name, std::regex("-"), "\\-");
      EXPECT_THAT(page, HasSubstr("\n.B " + name));
    }
    WriteFile(folder.path() / "page.1", page);
    EXPECT_EQ(Shell(folder,
                    "{ ! command -v groff || groff -man -ww -z page.1; } "
                    ">/dev/null 2>err && ! test -s err"),
              0)
        << command.name << ReadFile(folder.path() / "err");
  };
  const CommandLine line = ProgramCommandLine();
  check(line.info());
  ForEachBelow(line.info(), check);
  EXPECT_EQ(Printed({"man", "data", "make"}).rfind(".TH plastometer\\-data", 0),
            0u);
  EXPECT_THROW(Printed({"man", "walk"}), Error);
  testing::internal::GetCapturedStdout();
}

TEST(CommandLine, UnknownWordsNameTheNearestOne) {
  const std::pair<std::vector<const char*>, const char*> cases[] = {
      {{"rnu"}, "has no command 'rnu'; did you mean 'run'?"},
      {{"walk"}, "has no command 'walk'\n"},
      {{"data", "fecth", "novels"},
       "plastometer data has no command 'fecth'; did you mean 'fetch'?"},
      {{"run", "--profile", "retina"}, "did you mean '--profiles'?"},
      {{"data", "make", "mqar", "--sede=3"},
       "plastometer data make has no option --sede\n"},
      {{"search", "--methd=greedy"}, "did you mean '--method'?"}};
  for (const auto& [words, message] : cases) {
    try {
      Printed(words);
      ADD_FAILURE() << message;
    } catch (const Error& error) {
      testing::internal::GetCapturedStdout();
      EXPECT_EQ(error.exit_code(), 2) << message;
      EXPECT_THAT(error.what(), HasSubstr(message));
    }
  }
}

}  // namespace
}  // namespace plastometer
