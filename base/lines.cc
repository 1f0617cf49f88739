#include "base/lines.h"

#include <fstream>
#include <string>

#include "base/error.h"
#include "base/interrupt.h"

namespace plastometer {

void ForEachLine(const ReadBytes& read, const std::filesystem::path& path,
                 const VisitLine& visit) {
  std::string pending;
  std::string chunk(size_t{1} << 20, '\0');
  int64_t number = 0;
  for (;;) {
    ThrowIfInterrupted();
    const size_t n = read(chunk.data(), chunk.size());
    if (n == 0) break;
    std::string_view rest(chunk.data(), n);
    for (size_t end; (end = rest.find('\n')) != std::string_view::npos;
         rest.remove_prefix(end + 1)) {
      pending.append(rest.substr(0, end));
      if (!visit(pending, ++number)) return;
      pending.clear();
    }
    pending.append(rest);
    if (pending.size() > kMaxLineBytes)
      throw InvalidError(path.string() + ": line " +
                         std::to_string(number + 1) + " is longer than " +
                         std::to_string(kMaxLineBytes >> 20) +
                         " MiB; expected one document a line");
  }
  if (!pending.empty()) visit(pending, number + 1);
}

void ForEachLineOfFile(const std::filesystem::path& path,
                       const VisitLine& visit) {
  std::error_code ignored;
  std::ifstream in;
  if (std::filesystem::is_regular_file(path, ignored))
    in.open(path, std::ios::binary);
  if (!in.is_open())
    throw InvalidError(path.string() +
                       ": cannot be opened; expected a readable regular file");
  const auto read = [&](char* data, size_t size) {
    in.read(data, static_cast<std::streamsize>(size));
    if (in.bad())
      throw InvalidError(path.string() + ": cannot be read to its end");
    return static_cast<size_t>(in.gcount());
  };
  ForEachLine(read, path, visit);
}

}  // namespace plastometer
