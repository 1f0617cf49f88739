#include "tests/faults/inject.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace {

using plastometer::Fault;
using plastometer::FaultPoint;

enum class Verdict { kPass, kHalf, kFail };

// Shared by a program and its children of the same name.
struct Shared {
  std::atomic<int> count{0};
};

struct Faults {
  std::atomic<bool> active{false};
  Fault fault;
  Shared own;
  Shared* shared = &own;
  int log = -1;                    // of a preloaded program
  std::vector<FaultPoint> points;  // of a test; its library code is serial
};

Faults& State() {
  static auto* faults = new Faults;  // outlives static destructors
  return *faults;
}

template <class Function>
Function Next(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

ssize_t RealWrite(int fd, const void* data, size_t size) {
  static const auto real = Next<ssize_t (*)(int, const void*, size_t)>("write");
  return real(fd, data, size);
}

bool Ignored(std::string_view path) {
  if (path.starts_with("/dev/shm/")) return false;  // a folder in memory
  return path.starts_with("/dev/") || path.starts_with("/proc/") ||
         path.starts_with("/sys/");
}

// Decides about one call, and sets errno when it is to fail.
Verdict Meet(const char* call, const std::string& path, bool is_write) {
  Faults& state = State();
  if (!state.active || Ignored(path)) return Verdict::kPass;
  const int number = ++state.shared->count;
  if (state.log >= 0) {
    const std::string line =
        std::to_string(number) + " " + call + " " + path + "\n";
    if (RealWrite(state.log, line.data(), line.size()) < 0) abort();
  } else {
    state.points.push_back({call, path});
  }
  const Fault& fault = state.fault;
  if (fault.at == 0 || number < fault.at) return Verdict::kPass;
  const bool first = number == fault.at;
  errno = fault.kind == "EIO" ? EIO : ENOSPC;
  if (fault.kind == "short")
    return first && is_write ? Verdict::kHalf : Verdict::kPass;
  if (fault.kind == "full") {
    const std::string_view name = call;
    const bool needs_room = name != "close" && name != "rename";
    return first && is_write ? Verdict::kHalf
           : needs_room      ? Verdict::kFail
                             : Verdict::kPass;
  }
  return first ? Verdict::kFail : Verdict::kPass;
}

std::string PathOf(int fd) {
  char path[4096];
  const ssize_t n =
      readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), path, 4096);
  return n < 0 ? "" : std::string(path, static_cast<size_t>(n));
}

// A regular file that this process writes; stderr tells of the fault itself.
bool Counts(int fd) {
  struct stat info {};
  return State().active && fd != STDERR_FILENO && fd != State().log &&
         fstat(fd, &info) == 0 && S_ISREG(info.st_mode) &&
         (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY;
}

Verdict MeetFd(const char* call, int fd, size_t bytes = 0) {
  if (!Counts(fd)) return Verdict::kPass;
  const Verdict verdict =
      Meet(call, fd == STDOUT_FILENO ? "standard output" : PathOf(fd),
           std::string_view(call).ends_with("write"));
  return verdict == Verdict::kHalf && bytes < 2 ? Verdict::kPass : verdict;
}

bool MeetPath(const char* call, const char* path) {
  return Meet(call, path, false) == Verdict::kFail;
}

// The C library's own writes cannot be stood before: standard output becomes a
// stream that calls write() below.
ssize_t WriteOut(void*, const char* data, size_t size) {
  size_t done = 0;
  while (done < size) {
    const ssize_t n = write(STDOUT_FILENO, data + done, size - done);
    if (n < 0) return static_cast<ssize_t>(done);
    done += static_cast<size_t>(n);
  }
  return static_cast<ssize_t>(done);
}

Shared* Map(const std::string& file) {
  const int fd = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0 || ftruncate(fd, sizeof(Shared)) != 0) abort();
  void* data =
      mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (data == MAP_FAILED) abort();
  close(fd);
  return static_cast<Shared*>(data);
}

[[gnu::constructor]] void StartInProgram() {
  const char* log = std::getenv("PLASTOMETER_FAULT_LOG");
  char program[4096] = {};
  if (log == nullptr || readlink("/proc/self/exe", program, 4095) < 0 ||
      !std::string_view(program).ends_with("/plastometer"))
    return;
  Faults& state = State();
  state.shared = Map(std::string(log) + ".count");
  const int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  state.log = fcntl(fd, F_DUPFD_CLOEXEC, 100);
  close(fd);
  if (const char* at = std::getenv("PLASTOMETER_FAULT_AT"))
    state.fault.at = std::atoi(at);
  if (const char* kind = std::getenv("PLASTOMETER_FAULT_KIND"))
    state.fault.kind = kind;
  struct stat info {};
  if (fstat(STDOUT_FILENO, &info) == 0 && S_ISREG(info.st_mode))
    stdout = fopencookie(nullptr, "w", {nullptr, WriteOut, nullptr, nullptr});
  state.active = true;
}

bool Writes(int flags) {
  return (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)) != 0;
}

template <class Real>
ssize_t Partly(const char* call, int fd, size_t size, const Real& real) {
  const Verdict verdict = MeetFd(call, fd, size);
  if (verdict == Verdict::kFail) return -1;
  return real(verdict == Verdict::kHalf ? size / 2 : size);
}

mode_t ModeOf(int flags, va_list arguments) {
  return (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
}

}  // namespace

namespace plastometer {

void StartFaults(const Fault& fault) {
  Faults& state = State();
  state.fault = fault;
  state.shared->count = 0;
  state.points.clear();
  state.active = true;
}

std::vector<FaultPoint> StopFaults() {
  State().active = false;
  return State().points;
}

}  // namespace plastometer

// What stands before the C library.
extern "C" {

#define PLASTOMETER_OPEN(name)                                            \
  int name(const char* path, int flags, ...) {                            \
    static const auto real = Next<int (*)(const char*, int, ...)>(#name); \
    va_list arguments;                                                    \
    va_start(arguments, flags);                                           \
    const mode_t mode = ModeOf(flags, arguments);                         \
    va_end(arguments);                                                    \
    if (Writes(flags) && MeetPath("open", path)) return -1;               \
    return real(path, flags, mode);                                       \
  }
PLASTOMETER_OPEN(open)
PLASTOMETER_OPEN(open64)

#define PLASTOMETER_FOPEN(name)                                                \
  FILE* name(const char* path, const char* mode) {                             \
    static const auto real = Next<FILE* (*)(const char*, const char*)>(#name); \
    if (*mode != 'r' && MeetPath("open", path)) return nullptr;                \
    return real(path, mode);                                                   \
  }
PLASTOMETER_FOPEN(fopen)
PLASTOMETER_FOPEN(fopen64)

ssize_t write(int fd, const void* data, size_t size) {
  return Partly("write", fd, size,
                [&](size_t n) { return RealWrite(fd, data, n); });
}

#define PLASTOMETER_PWRITE(name)                                        \
  ssize_t name(int fd, const void* data, size_t size, off_t offset) {   \
    static const auto real =                                            \
        Next<ssize_t (*)(int, const void*, size_t, off_t)>(#name);      \
    return Partly("pwrite", fd, size,                                   \
                  [&](size_t n) { return real(fd, data, n, offset); }); \
  }
PLASTOMETER_PWRITE(pwrite)
PLASTOMETER_PWRITE(pwrite64)

// The streams of the C++ library.
ssize_t writev(int fd, const iovec* parts, int count) {
  static const auto real = Next<ssize_t (*)(int, const iovec*, int)>("writev");
  if (MeetFd("writev", fd) == Verdict::kFail) return -1;
  return real(fd, parts, count);
}

// A folder's counts as well. Nothing is ever flushed: no power is cut here, and
// the disk would take most of a test's time.
#define PLASTOMETER_FSYNC(name) \
  int name(int fd) { return MeetPath("fsync", PathOf(fd).c_str()) ? -1 : 0; }
PLASTOMETER_FSYNC(fsync)
PLASTOMETER_FSYNC(fdatasync)

// As Linux does it: the descriptor is gone even when an error is told.
int close(int fd) {
  static const auto real = Next<int (*)(int)>("close");
  const bool fails = MeetFd("close", fd) == Verdict::kFail;
  const int error = errno;
  const int result = real(fd);
  if (!fails) return result;
  errno = error;
  return -1;
}

#define PLASTOMETER_FTRUNCATE(name)                            \
  int name(int fd, off_t size) {                               \
    static const auto real = Next<int (*)(int, off_t)>(#name); \
    if (MeetFd("ftruncate", fd) == Verdict::kFail) return -1;  \
    return real(fd, size);                                     \
  }
PLASTOMETER_FTRUNCATE(ftruncate)
PLASTOMETER_FTRUNCATE(ftruncate64)

int rename(const char* from, const char* to) {
  static const auto real = Next<int (*)(const char*, const char*)>("rename");
  return MeetPath("rename", to) ? -1 : real(from, to);
}

int link(const char* from, const char* to) {
  static const auto real = Next<int (*)(const char*, const char*)>("link");
  return MeetPath("link", to) ? -1 : real(from, to);
}

int mkdir(const char* path, mode_t mode) {
  static const auto real = Next<int (*)(const char*, mode_t)>("mkdir");
  return MeetPath("mkdir", path) ? -1 : real(path, mode);
}

char* mkdtemp(char* pattern) {
  static const auto real = Next<char* (*)(char*)>("mkdtemp");
  return MeetPath("mkdtemp", pattern) ? nullptr : real(pattern);
}

}  // extern "C"
