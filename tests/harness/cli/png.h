// What a PNG shows, decoded: its size and how much of it is not its background.
// https://www.w3.org/TR/png-3/ (chunks: 5, filters: 9)
#pragma once
#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

namespace plastometer {

struct Png {
  uint32_t width = 0, height = 0;
  double ink = 0;      // share of pixels unlike the upper left one
  size_t colored = 0;  // pixels that are no grey: curves, not axes
};

inline uint32_t BigEndian(const std::string& bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = at; i < at + 4; ++i)
    value = value << 8 | static_cast<unsigned char>(bytes.at(i));
  return value;
}

inline int PaethPredictor(int a, int b, int c) {
  const int pa = std::abs(b - c), pb = std::abs(a - c),
            pc = std::abs(a + b - 2 * c);
  return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
}

// Rows without their filters, in place of the inflated ones.
inline std::vector<uint8_t> Unfiltered(const std::vector<uint8_t>& rows,
                                       size_t stride, size_t height,
                                       size_t pixel) {
  std::vector<uint8_t> out(stride * height);
  for (size_t y = 0; y < height; ++y) {
    const uint8_t* in = rows.data() + y * (stride + 1);
    uint8_t* row = out.data() + y * stride;
    for (size_t x = 0; x < stride; ++x) {
      const int left = x < pixel ? 0 : row[x - pixel];
      const int up = y == 0 ? 0 : row[x - stride];
      const int corner = x < pixel || y == 0 ? 0 : row[x - stride - pixel];
      const int predicted[] = {0, left, up, (left + up) / 2,
                               PaethPredictor(left, up, corner)};
      if (in[0] > 4) throw std::runtime_error("PNG: unknown filter");
      row[x] = static_cast<uint8_t>(in[x + 1] + predicted[in[0]]);
    }
  }
  return out;
}

// 8 bits a channel, RGB or RGBA, not interlaced: what gnuplot writes. Throws
// std::runtime_error for anything else, and where a checksum does not hold.
inline Png DecodePng(const std::string& bytes) {
  if (bytes.compare(0, 8, "\x89PNG\r\n\x1a\n") != 0)
    throw std::runtime_error("PNG: no signature");
  Png png;
  std::string packed;
  size_t pixel = 0;
  bool ended = false;
  for (size_t at = 8; !ended;) {
    const uint32_t size = BigEndian(bytes, at);
    const std::string chunk = bytes.substr(at + 4, size + 4);
    const std::string type = chunk.substr(0, 4);
    if (crc32(0, reinterpret_cast<const Bytef*>(chunk.data()),
              static_cast<uInt>(chunk.size())) !=
        BigEndian(bytes, at + 8 + size))
      throw std::runtime_error("PNG: checksum of " + type);
    if (type == "IHDR") {
      png.width = BigEndian(chunk, 4), png.height = BigEndian(chunk, 8);
      if (chunk[12] != 8 || (chunk[13] != 2 && chunk[13] != 6) || chunk[16])
        throw std::runtime_error("PNG: not what gnuplot writes");
      pixel = chunk[13] == 2 ? 3 : 4;
    }
    if (type == "IDAT") packed += chunk.substr(4);
    ended = type == "IEND";
    at += size + 12;
  }
  const size_t stride = pixel * png.width;
  std::vector<uint8_t> rows((stride + 1) * png.height);
  uLongf length = rows.size();
  if (uncompress(rows.data(), &length,
                 reinterpret_cast<const Bytef*>(packed.data()),
                 packed.size()) != Z_OK ||
      length != rows.size())
    throw std::runtime_error("PNG: its data does not fill its size");
  const std::vector<uint8_t> pixels =
      Unfiltered(rows, stride, png.height, pixel);
  size_t inked = 0;
  for (size_t i = 0; i < pixels.size(); i += pixel) {
    bool same = true;
    for (size_t c = 0; c < pixel; ++c)
      same = same && pixels[i + c] == pixels[c];
    inked += !same;
    const auto [low, high] =
        std::minmax({pixels[i], pixels[i + 1], pixels[i + 2]});
    png.colored += high - low > 48;
  }
  png.ink = static_cast<double>(inked) * static_cast<double>(pixel) /
            static_cast<double>(pixels.size());
  return png;
}

}  // namespace plastometer
