#include <zlib.h>

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "datasets/extract/extract.h"

namespace plastometer {
namespace {

// A pinned package never comes near it; a hostile stream would.
constexpr size_t kMaxInflated = size_t{1} << 30;

class Inflater {
 public:
  Inflater(int window_bits, const std::string& name) : name_(name) {
    if (inflateInit2(&stream_, window_bits) != Z_OK)
      throw InternalError("zlib does not start");
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  std::string Run(std::string_view in, bool several) {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = static_cast<uInt>(in.size());
    std::string out;
    char chunk[1 << 16];
    for (int status = Z_OK;;) {
      stream_.next_out = reinterpret_cast<Bytef*>(chunk);
      stream_.avail_out = sizeof chunk;
      status = inflate(&stream_, Z_NO_FLUSH);
      if (status != Z_OK && status != Z_STREAM_END) Fail(in.size());
      out.append(chunk, sizeof chunk - stream_.avail_out);
      if (out.size() > kMaxInflated)
        throw InvalidError(name_ + ": inflates to more than 1 GiB");
      if (status != Z_STREAM_END) continue;
      if (!several || stream_.avail_in == 0) return out;
      inflateReset(&stream_);
    }
  }

 private:
  [[noreturn]] void Fail(size_t size) {
    throw InvalidError(
        name_ + ": broken zlib data at byte " +
        std::to_string(size - stream_.avail_in) + " of " +
        std::to_string(size) +
        (stream_.msg ? std::string(" (") + stream_.msg + ")" : " (truncated)"));
  }
  const std::string& name_;
  z_stream stream_{};
};

}  // namespace

std::string Inflate(std::string_view compressed, int window_bits,
                    const std::string& name) {
  if (compressed.size() > std::numeric_limits<uInt>::max())
    throw InvalidError(name + ": larger than 4 GiB");
  return Inflater(window_bits, name).Run(compressed, window_bits > 15);
}

uint64_t DeflatedSize(std::string_view text) {
  uLongf size = compressBound(text.size());
  std::string out(size, '\0');
  compress(reinterpret_cast<Bytef*>(out.data()), &size,
           reinterpret_cast<const Bytef*>(text.data()), text.size());
  return size;
}

}  // namespace plastometer
