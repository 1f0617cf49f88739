// The one exception type of the project. Libraries throw it; only main prints
// it and turns it into an exit code.
#pragma once
#include <stdexcept>
#include <string>

namespace plastometer {

// The value of each kind is the program's exit code.
enum class ErrorKind : int {
  kUsage = 2,           // a wrong option, profile, lane or name
  kInvalid = 4,         // invalid, incomplete or corrupt input
  kRefused = 5,         // allowed in principle, refused here with a reason
  kInfrastructure = 8,  // driver, device, disk, registry out of reach
  kInternal = 70,       // our own mistake
};

// `what()` says what, which file or key or offset, the value met, what was
// expected, and what to do.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message)
      : std::runtime_error(message), kind_(kind) {}
  ErrorKind kind() const { return kind_; }
  int exit_code() const { return static_cast<int>(kind_); }

 private:
  ErrorKind kind_;
};

inline Error UsageError(const std::string& m) { return {ErrorKind::kUsage, m}; }
inline Error InvalidError(const std::string& m) {
  return {ErrorKind::kInvalid, m};
}
inline Error RefusedError(const std::string& m) {
  return {ErrorKind::kRefused, m};
}
inline Error InfrastructureError(const std::string& m) {
  return {ErrorKind::kInfrastructure, m};
}
inline Error InternalError(const std::string& m) {
  return {ErrorKind::kInternal, m};
}

}  // namespace plastometer
