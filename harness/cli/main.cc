// The only place that prints errors and chooses exit codes.
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <new>
#include <string>

#include "base/allocator.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "harness/cli/commands.h"
#include "harness/cli/output.h"
#include "harness/report/table.h"

namespace plastometer {
namespace {

int Fail(const std::string& message, int code) {
  std::fprintf(stderr, "plastometer: %s\n", message.c_str());
  return code;
}

// LibTorch's errors carry a C++ stack after the first line, and its own words
// for memory that ran out.
int FailUnexpected(const std::string& what) {
  const std::string line = what.substr(0, what.find('\n'));
  if (what.find("can't allocate memory") != std::string::npos ||
      what.find("out of memory") != std::string::npos) {
    return Fail("out of memory: " + line +
                    " (a smaller --batch or --context needs less)",
                8);
  }
  return Fail("internal error: " + line, 70);
}

int ParseAndRun(int argc, char** argv) {
  CommandLine line = ProgramCommandLine();
  if (argc < 2) {
    std::fputs(HelpText(line.info(), TerminalWidth()).c_str(), stderr);
    return 2;
  }
  line.Run(argc, argv, TerminalWidth());
  return ExitStatus();
}

}  // namespace
}  // namespace plastometer

int main(int argc, char** argv) {
  using namespace plastometer;
  // A file-size limit is then an error of write(), reported like a full disk.
  std::signal(SIGXFSZ, SIG_IGN);
  KeepFreedMemory();
  ProgramArguments() = argv;
  try {
    return ParseAndRun(argc, argv);
  } catch (const Interrupted& interrupted) {
    return Fail("interrupted; " + interrupted.left, 128 + interrupted.signal);
  } catch (const Error& error) {
    return Fail(error.what(), error.exit_code());
  } catch (const std::filesystem::filesystem_error& error) {
    return Fail(error.what(), 8);
  } catch (const std::bad_alloc&) {
    return Fail("out of memory (a smaller --batch or --context needs less)", 8);
  } catch (const std::exception& error) {
    return FailUnexpected(error.what());
  } catch (...) {
    return Fail("internal error of unknown type", 70);
  }
}
