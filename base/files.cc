#include "base/files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/interrupt.h"

namespace plastometer {
namespace fs = std::filesystem;
namespace {

// Owns a descriptor while a function may still throw.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

std::string Reason(int error) { return std::generic_category().message(error); }

Error CannotRead(const fs::path& path, const std::string& why) {
  return InvalidError("cannot read " + path.string() + ": " + why);
}

// The file is not to blame when the machine fails.
Error CannotRead(const fs::path& path, int error) {
  for (const int machine : {EIO, ENOMEM, EMFILE, ENFILE})
    if (error == machine)
      return InfrastructureError("cannot read " + path.string() + ": " +
                                 Reason(error));
  return CannotRead(path, Reason(error));
}

Error CannotWrite(const fs::path& path, const std::string& why) {
  return InfrastructureError("cannot write " + path.string() + ": " + why);
}

// Opens a regular file for reading; without O_NONBLOCK a pipe that nobody
// writes would keep open() waiting.
int OpenToRead(const fs::path& path, struct stat* info) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) throw CannotRead(path, errno);
  if (fstat(fd, info) != 0 || !S_ISREG(info->st_mode)) {
    const std::string why = S_ISDIR(info->st_mode)
                                ? "it is a folder, expected a file"
                            : S_ISREG(info->st_mode) ? Reason(errno)
                                                     : "not a regular file";
    close(fd);
    throw CannotRead(path, why);
  }
  return fd;
}

Error TooLarge(const fs::path& path, uint64_t met, uint64_t max_bytes) {
  return CannotRead(path, "it holds " + std::to_string(met) +
                              " bytes or more, expected at most " +
                              std::to_string(max_bytes));
}

fs::path FolderOf(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

// The rename itself survives a power cut only when the folder is flushed too.
// Some file systems refuse fsync on folders, each with an error of its own; the
// content is safe by then.
void FlushFolderOf(const fs::path& path) {
  const Descriptor fd(
      open(FolderOf(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0 || fsync(fd.get()) == 0) return;
  if (errno == EIO || errno == ENOSPC || errno == EDQUOT)
    throw CannotWrite(path, Reason(errno));
}

// A name that no other writer of this machine uses at the same time. Made with
// O_EXCL rather than mkstemp so that the file gets its usual mode.
int OpenTemporary(const fs::path& path, fs::path* temporary) {
  static std::atomic<int> counter{0};
  for (int attempt = 0; attempt < 100; ++attempt) {
    std::string name = ".";
    name += path.filename().string();
    name += '.';
    name += std::to_string(getpid());
    name += '-';
    name += std::to_string(counter.fetch_add(1));
    name += ".tmp";
    *temporary = FolderOf(path) / name;
    const int fd =
        open(temporary->c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0 || errno != EEXIST) return fd;
  }
  return -1;
}

}  // namespace

std::string ReadFile(const fs::path& path, uint64_t max_bytes) {
  struct stat info {};
  const Descriptor fd(OpenToRead(path, &info));
  const auto expected = static_cast<uint64_t>(info.st_size);
  if (expected > max_bytes) throw TooLarge(path, expected, max_bytes);
  std::string content;
  content.resize(expected);
  size_t size = 0;
  // Files of /proc announce no size, so the end is where read() says it is.
  while (true) {
    if (size == content.size()) content.resize(size + (size_t{1} << 16));
    const ssize_t got =
        read(fd.get(), content.data() + size, content.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw CannotRead(path, errno);
    if (got == 0) break;
    size += static_cast<size_t>(got);
    if (size > max_bytes) throw TooLarge(path, size, max_bytes);
  }
  content.resize(size);
  return content;
}

void RequireRegularFile(const fs::path& path) {
  struct stat info {};
  const Descriptor fd(OpenToRead(path, &info));
}

MappedFile::MappedFile(const fs::path& path) : path_(path) {
  struct stat info {};
  const Descriptor fd(OpenToRead(path, &info));
  size_ = static_cast<size_t>(info.st_size);
  if (size_ == 0) return;  // mmap refuses length 0
  void* data = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (data == MAP_FAILED) throw CannotRead(path, errno);
  data_ = static_cast<const std::byte*>(data);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) munmap(const_cast<std::byte*>(data_), size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  if (this != &other) {
    if (data_ != nullptr) munmap(const_cast<std::byte*>(data_), size_);
    path_ = std::move(other.path_);
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

void MappedFile::Release() const {
  if (data_ != nullptr) {
    madvise(const_cast<std::byte*>(data_), size_, MADV_DONTNEED);
  }
}

AtomicFile::AtomicFile(const fs::path& path) : path_(path) {
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  // A rename over a device or a folder would destroy it or fail late.
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    throw CannotWrite(path, "it exists and is not a regular file");
  }
  fs::path temporary;
  fd_ = OpenTemporary(path, &temporary);
  if (fd_ < 0) throw CannotWrite(path, Reason(errno));
  temporary_ = temporary;
}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) close(fd_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

void AtomicFile::Write(std::span<const std::byte> data) {
  if (fd_ < 0) throw InternalError("Write after Commit: " + path_.string());
  ThrowIfInterrupted();  // the destructor removes what was written
  WriteAll(fd_, {reinterpret_cast<const char*>(data.data()), data.size()},
           path_);
}

void AtomicFile::Write(std::string_view text) {
  Write(std::as_bytes(std::span(text.data(), text.size())));
}

void AtomicFile::WriteAt(uint64_t offset, std::span<const std::byte> data) {
  if (fd_ < 0) throw InternalError("WriteAt after Commit: " + path_.string());
  ThrowIfInterrupted();
  while (!data.empty()) {
    const ssize_t written =
        pwrite(fd_, data.data(), data.size(), static_cast<off_t>(offset));
    if (written < 0) {
      if (errno == EINTR) continue;
      throw CannotWrite(path_, Reason(errno));
    }
    data = data.subspan(static_cast<size_t>(written));
    offset += static_cast<uint64_t>(written);
  }
}

void AtomicFile::Flush() {
  if (fd_ < 0) return;
  if (fsync(fd_) != 0) throw CannotWrite(path_, Reason(errno));
  // close() reports the delayed write errors of network file systems.
  if (close(std::exchange(fd_, -1)) != 0) {
    throw CannotWrite(path_, Reason(errno));
  }
}

void AtomicFile::Rename() {
  if (temporary_.empty())
    throw InternalError("Commit twice: " + path_.string());
  if (rename(temporary_.c_str(), path_.c_str()) != 0)
    throw CannotWrite(path_, Reason(errno));
  temporary_.clear();
}

void AtomicFile::Commit() { CommitAll({this}); }

void AtomicFile::CommitAll(std::initializer_list<AtomicFile*> files) {
  for (AtomicFile* file : files) file->Flush();
  for (AtomicFile* file : files) file->Rename();
  for (const AtomicFile* file : files) FlushFolderOf(file->path_);
}

void WriteFile(const fs::path& path, std::string_view content) {
  AtomicFile file(path);
  file.Write(content);
  file.Commit();
}

void AppendToFile(const fs::path& path, std::string_view text) {
  const Descriptor fd(
      open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  if (fd.get() < 0) throw CannotWrite(path, Reason(errno));
  WriteAll(fd.get(), text, path);
  // A pipe or a device, which it may be, has nothing to flush.
  if (fsync(fd.get()) != 0 && errno != EINVAL)
    throw CannotWrite(path, Reason(errno));
}

void WriteAll(int fd, std::string_view data, const fs::path& path) {
  while (!data.empty()) {
    const ssize_t written = write(fd, data.data(), data.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      throw CannotWrite(path, Reason(errno));
    }
    data.remove_prefix(static_cast<size_t>(written));
  }
}

void MakeFolders(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    throw InfrastructureError("cannot make folder " + folder.string() + ": " +
                              error.message());
}

TemporaryFolder::TemporaryFolder() {
  std::error_code error;
  fs::path base = fs::temp_directory_path(error);
  if (error) base = "/tmp";
  std::string pattern = (base / "plastometer.XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) {
    throw InfrastructureError("cannot make a folder " + pattern + ": " +
                              Reason(errno));
  }
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

fs::path HomeFolder() {
  if (const char* home = std::getenv("PLASTOMETER_HOME");
      home != nullptr && *home != '\0') {
    std::error_code ignored;
    if (fs::is_directory(fs::path(home) / "model" / "pretrained", ignored))
      return home;
    throw InvalidError(
        "PLASTOMETER_HOME is " + std::string(home) +
        ", which holds no folder model/pretrained; set it to an installation, "
        "or unset it: then the program finds its own");
  }
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  for (fs::path folder = program.parent_path(); !error;
       folder = folder.parent_path()) {
    std::error_code ignored;
    if (fs::is_directory(folder / "model" / "pretrained", ignored)) {
      return folder;
    }
    if (folder == folder.parent_path()) break;
  }
  throw InvalidError(
      "no installation found: no folder above " + program.string() +
      " holds model/pretrained; set PLASTOMETER_HOME to the folder that does");
}

fs::path DataFolder() {
  if (const char* data = std::getenv("PLASTOMETER_DATA");
      data != nullptr && *data != '\0') {
    return data;
  }
  return HomeFolder() / ".data";
}

}  // namespace plastometer
