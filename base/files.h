// Files: whole reads, read-only maps, and writes that leave either the old
// file, the new one, or nothing.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace plastometer {

// Whole content. Throws kInvalid when the file is missing, not a regular file
// (a folder, pipe, socket or device), unreadable, or larger than max_bytes;
// kInfrastructure when the machine fails (disk, memory, open files).
std::string ReadFile(const std::filesystem::path& path,
                     uint64_t max_bytes = uint64_t{1} << 32);

// For readers that open `path` by themselves, and would wait for who writes a
// pipe. Throws as ReadFile does.
void RequireRegularFile(const std::filesystem::path& path);

// A file mapped read-only. Throws as ReadFile does.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::filesystem::path& path() const { return path_; }
  // Lets the system take back the pages read so far; they are read again when
  // touched. Keeps the resident set small while a file larger than memory is
  // walked through.
  void Release() const;

 private:
  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

// Writes to a temporary neighbour; Commit() flushes, fsyncs and renames.
// Destroyed without Commit: nothing is left behind. Throws kInfrastructure
// (disk full, not writable) naming the path; when Commit throws, the path holds
// the old file or the whole new one.
class AtomicFile {
 public:
  explicit AtomicFile(const std::filesystem::path& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  void Write(std::span<const std::byte> data);
  void Write(std::string_view text);
  // At a place of its own, whatever was written before; holes are zeros.
  void WriteAt(uint64_t offset, std::span<const std::byte> data);
  void Flush();  // nothing is written after it
  void Commit();
  bool committed() const { return temporary_.empty(); }
  // Of files that belong together, in this order: renamed one right after the
  // other once all are flushed. What a full disk refuses, it refuses before.
  static void CommitAll(std::initializer_list<AtomicFile*> files);

 private:
  void Rename();

  std::filesystem::path path_, temporary_;
  int fd_ = -1;
};

// AtomicFile in one call.
void WriteFile(const std::filesystem::path& path, std::string_view content);

// At the end of a file that others append to as well; made when it is not
// there. Throws kInfrastructure naming it; a part of the text may be there
// then, since others' could be lost with it.
void AppendToFile(const std::filesystem::path& path, std::string_view text);

// All of it, whatever write() takes at a time. Throws kInfrastructure naming
// `path`, which the descriptor is open for.
void WriteAll(int fd, std::string_view data, const std::filesystem::path& path);

// The folder and those on the way to it, where they are missing. Throws
// kInfrastructure naming it.
void MakeFolders(const std::filesystem::path& folder);

// A folder under the system's temporary folder, removed with its content by the
// destructor.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// The installation's root (holds model/pretrained, datasets/...):
// $PLASTOMETER_HOME, else the nearest folder above the running program that
// holds `model/pretrained`. Throws kInvalid when there is none.
std::filesystem::path HomeFolder();

// Where fetched data lives: $PLASTOMETER_DATA, else HomeFolder()/.data.
std::filesystem::path DataFolder();

}  // namespace plastometer
