#include "base/zstd_stream.h"

#include <zstd.h>
#include <zstd_errors.h>

#include <cerrno>
#include <cstdio>
#include <new>
#include <system_error>
#include <utility>
#include <vector>

#include "base/error.h"

namespace plastometer {
namespace {

struct FileCloser {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
struct ContextFree {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

// Its own word for memory that ran out, which is no fault of the data.
bool IsError(size_t result) {
  if (ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation)
    throw std::bad_alloc();
  return ZSTD_isError(result) != 0;
}

// Feeds frames to the library and words its errors with the compressed offset.
class Decoder {
 public:
  explicit Decoder(std::string source)
      : context_(ZSTD_createDCtx()), source_(std::move(source)) {
    if (!context_) throw std::bad_alloc();
  }

  void Step(ZSTD_outBuffer* out, ZSTD_inBuffer* in) {
    const size_t before = in->pos;
    const size_t state = ZSTD_decompressStream(context_.get(), out, in);
    if (IsError(state)) {
      throw InvalidError(source_ + ": corrupt zstd data near byte " +
                         std::to_string(offset_) + ": " +
                         ZSTD_getErrorName(state));
    }
    offset_ += in->pos - before;
    // 0 says that a frame is complete and flushed; a new one may follow.
    inside_frame_ = state != 0;
    any_frame_ = true;
  }

  bool inside_frame() const { return inside_frame_; }

  void CheckEnd() const {
    if (!any_frame_) {
      throw InvalidError(source_ + ": empty, expected a zstd frame");
    }
    if (inside_frame_) {
      throw InvalidError(source_ + ": truncated zstd data: it ends at byte " +
                         std::to_string(offset_) + " inside a frame");
    }
  }

 private:
  std::unique_ptr<ZSTD_DCtx, ContextFree> context_;
  std::string source_;
  uint64_t offset_ = 0;
  bool inside_frame_ = false;
  bool any_frame_ = false;
};

}  // namespace

struct ZstdReader::Impl {
  explicit Impl(const std::filesystem::path& file_path)
      : path(file_path),
        file(std::fopen(path.c_str(), "rbe")),
        decoder(path.string()),
        buffer(ZSTD_DStreamInSize()),
        in{buffer.data(), 0, 0} {
    if (!file) throw CannotRead();
  }

  Error CannotRead() const {
    return InvalidError("cannot read " + path.string() + ": " +
                        std::generic_category().message(errno));
  }

  // False at the end of the file.
  bool Refill() {
    const size_t got = std::fread(buffer.data(), 1, buffer.size(), file.get());
    if (got == 0 && std::ferror(file.get()) != 0) throw CannotRead();
    in = {buffer.data(), got, 0};
    return got > 0;
  }

  std::filesystem::path path;
  std::unique_ptr<std::FILE, FileCloser> file;
  Decoder decoder;
  std::vector<char> buffer;
  ZSTD_inBuffer in;
  bool flushing = false;  // output was full: more may wait inside the decoder
  bool ended = false;
};

ZstdReader::ZstdReader(const std::filesystem::path& path)
    : impl_(std::make_unique<Impl>(path)) {}

ZstdReader::~ZstdReader() = default;

size_t ZstdReader::Read(char* data, size_t size) {
  ZSTD_outBuffer out{data, size, 0};
  while (out.pos < out.size && !impl_->ended) {
    const bool empty = impl_->in.pos == impl_->in.size;
    if (empty && !impl_->flushing && !impl_->Refill()) {
      impl_->decoder.CheckEnd();
      impl_->ended = true;
      break;
    }
    impl_->decoder.Step(&out, &impl_->in);
    impl_->flushing = out.pos == out.size && impl_->decoder.inside_frame();
  }
  return out.pos;
}

std::string ZstdCompress(std::string_view content, int level) {
  std::string compressed(ZSTD_compressBound(content.size()), '\0');
  const size_t size = ZSTD_compress(compressed.data(), compressed.size(),
                                    content.data(), content.size(), level);
  if (IsError(size)) {
    throw InternalError(std::string("zstd: ") + ZSTD_getErrorName(size));
  }
  compressed.resize(size);
  return compressed;
}

std::string ZstdDecompress(std::string_view compressed, uint64_t max_bytes,
                           const std::string& source) {
  Decoder decoder(source);
  ZSTD_inBuffer in{compressed.data(), compressed.size(), 0};
  std::string content;
  std::vector<char> block(ZSTD_DStreamOutSize());
  bool full = false;
  // The announced content size is not trusted: the string grows with what
  // arrives.
  while (in.pos < in.size || full) {
    ZSTD_outBuffer out{block.data(), block.size(), 0};
    decoder.Step(&out, &in);
    full = out.pos == out.size && decoder.inside_frame();
    if (content.size() + out.pos > max_bytes) {
      throw InvalidError(source + ": unpacks to more than " +
                         std::to_string(max_bytes) + " bytes");
    }
    content.append(block.data(), out.pos);
  }
  decoder.CheckEnd();
  return content;
}

}  // namespace plastometer
