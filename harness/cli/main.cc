// The only place that prints errors and chooses exit codes.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <string>
#include <system_error>

#include "base/allocator.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "base/text.h"
#include "harness/cli/commands.h"
#include "harness/cli/output.h"
#include "harness/report/table.h"

namespace plastometer {
namespace {

// A file that is opened later must not become stdout or stderr and get their
// text: a closed one is /dev/null from here on, stdout so that writing fails.
void ReserveStandardDescriptors() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(fd, F_GETFD) != -1 || errno != EBADF) continue;
    // Lower ones are open, so this is the lowest that is free.
    if (open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY) != fd)
      _exit(8);
  }
}

// A value in a message may be as long as whoever wrote it liked.
constexpr size_t kMaxMessageBytes = 6000;

int Fail(const std::string& message, int code) {
  std::fprintf(stderr, "plastometer: %s\n",
               Escaped(Shortened(message, kMaxMessageBytes)).c_str());
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

// Also after an error: lint prints its findings first. Returns the exit code.
int EndOutput(int code) {
  FlushOutput();
  if (OutputError() == 0 && std::ferror(stdout) == 0) return code;
  return Fail(
      "cannot write to standard output: " +
          (OutputError() == 0 ? "not all of it arrived"
                              : std::generic_category().message(OutputError())),
      8);
}

// Of the exception that is being handled. Returns the exit code.
int FailWithException() {
  try {
    throw;
  } catch (const Interrupted& interrupted) {
    return Fail("interrupted; " + interrupted.left, 128 + interrupted.signal);
  } catch (const Error& error) {
    return Fail(error.what(), error.exit_code());
  } catch (const std::system_error& error) {  // files, threads
    return Fail(error.what(), 8);
  } catch (const std::bad_alloc&) {
    // Not through Fail, which needs memory.
    std::fputs(
        "plastometer: out of memory (a smaller --batch, --context or --threads "
        "needs less)\n",
        stderr);
    return 8;
  } catch (const std::exception& error) {
    return FailUnexpected(error.what());
  } catch (...) {
    return Fail("internal error of unknown type", 70);
  }
}

// Where an exception cannot be passed on, as from a destructor. Memory that ran
// out there is no mistake of ours either.
[[noreturn]] void Terminate() {
  std::_Exit(std::current_exception() != nullptr
                 ? FailWithException()
                 : Fail("internal error: the C++ library gave up", 70));
}

int ExitCode(int argc, char** argv) {
  try {
    return ParseAndRun(argc, argv);
  } catch (...) {
    return FailWithException();
  }
}

}  // namespace
}  // namespace plastometer

int main(int argc, char** argv) {
  using namespace plastometer;
  std::set_terminate(Terminate);
  ReserveStandardDescriptors();
  // A file-size limit is then an error of write(), reported like a full disk.
  std::signal(SIGXFSZ, SIG_IGN);
  KeepFreedMemory();
  ProgramArguments() = argv;
  return EndOutput(ExitCode(argc, argv));
}
