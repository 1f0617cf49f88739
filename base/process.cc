#include "base/process.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/error.h"
#include "base/interrupt.h"

namespace plastometer {
namespace {

constexpr size_t kMaxOutput = size_t{1} << 20;

// Between fork and exec only async-signal-safe calls: the program may have
// other threads.
[[noreturn]] void BecomeChild(char* const* argv, char* const* envp,
                              const char* folder, int output) {
  const int null = open("/dev/null", O_RDONLY);
  if (chdir(folder) != 0 || null < 0) _exit(126);
  dup2(null, 0), dup2(output, 1), dup2(output, 2);
  execvpe(argv[0], argv, envp);
  _exit(127);
}

std::vector<std::string> Environment() {
  std::vector<std::string> environment;
  for (char** e = environ; *e; ++e) {
    if (std::strncmp(*e, "LC_ALL=", 7) != 0) environment.emplace_back(*e);
  }
  environment.emplace_back("LC_ALL=C");
  return environment;
}

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (const auto& s : strings)
    pointers.push_back(const_cast<char*>(s.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

std::string Drain(int fd) {
  std::string output;
  char chunk[4096];
  for (;;) {
    const ssize_t n = read(fd, chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    if (output.size() < kMaxOutput)
      output.append(chunk, static_cast<size_t>(n));
  }
  return output;
}

}  // namespace

ProcessResult RunProcess(const std::vector<std::string>& arguments,
                         const std::filesystem::path& folder) {
  const auto environment = Environment();
  const auto argv = Pointers(arguments), envp = Pointers(environment);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    throw InfrastructureError(std::string("pipe: ") + std::strerror(errno));
  const pid_t child = fork();
  if (child == 0)
    BecomeChild(argv.data(), envp.data(), folder.c_str(), ends[1]);
  close(ends[1]);
  if (child < 0) {
    close(ends[0]);
    throw InfrastructureError(arguments[0] +
                              " cannot be started: " + std::strerror(errno));
  }
  ProcessResult result;
  result.output = Drain(ends[0]);
  close(ends[0]);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  ThrowIfInterrupted();  // a signal from the terminal ended the child too
  result.exit_code =
      WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

}  // namespace plastometer
