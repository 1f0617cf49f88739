// One process at a time.
#pragma once
#include <filesystem>
#include <string>

namespace plastometer {

// Held until destroyed or until the process ends, however it ends. The file
// stays: who holds it is the kernel's knowledge, its text only names the holder
// for the message. Throws kRefused where another process holds it (naming
// `what` is being written, that process and the file), kInfrastructure where
// the file cannot be made.
class FileLock {
 public:
  FileLock(const std::filesystem::path& file, const std::string& what);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int fd_ = -1;
};

}  // namespace plastometer
