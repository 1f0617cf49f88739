#include "base/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "base/error.h"
#include "base/files.h"

namespace plastometer {

FileLock::FileLock(const std::filesystem::path& file, const std::string& what) {
  const auto reason = [] { return std::generic_category().message(errno); };
  fd_ = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd_ < 0)
    throw InfrastructureError("cannot write " + file.string() + ": " +
                              reason());
  if (flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    const bool held = errno == EWOULDBLOCK;
    const std::string why = reason();
    close(fd_);
    if (!held)
      throw InfrastructureError("cannot lock " + file.string() + ": " + why);
    std::string holder = ReadFile(file, 4096);
    holder.resize(std::min(holder.find('\n'), holder.size()));
    throw RefusedError(what + " is being written by " +
                       (holder.empty() ? "another process" : holder) +
                       ", which holds " + file.string() +
                       "; wait until it has ended");
  }
  try {
    if (ftruncate(fd_, 0) != 0)
      throw InfrastructureError("cannot write " + file.string() + ": " +
                                reason());
    WriteAll(fd_, "process " + std::to_string(getpid()) + "\n", file);
  } catch (...) {
    close(fd_);
    throw;
  }
}

FileLock::~FileLock() { close(fd_); }

}  // namespace plastometer
