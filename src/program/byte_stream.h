// Numbers and text in bytes, little endian; reading checks every length.
#pragma once

#include <bit>
#include <boost/crc.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gemmule {

static_assert(std::endian::native == std::endian::little,
              "files are written in the order of bytes of the machine");

inline std::uint32_t checksum(std::span<const std::byte> bytes) {
  boost::crc_32_type crc;
  crc.process_bytes(bytes.data(), bytes.size());
  return crc.checksum();
}

class ByteWriter {
 public:
  template <class T>
  void number(T value) {
    bytes(&value, sizeof value);
  }
  void text(std::string_view text) {
    number<std::uint64_t>(text.size());
    bytes(text.data(), text.size());
  }
  void bytes(const void* from, std::size_t count) {
    const std::size_t end = bytes_.size();
    bytes_.resize(end + count);
    if (count > 0) std::memcpy(bytes_.data() + end, from, count);
  }
  // Text in so many bytes, zeros behind.
  void fixed(std::string_view text, std::size_t count) {
    const std::size_t end = bytes_.size();
    bytes_.resize(end + count);
    std::memcpy(bytes_.data() + end, text.data(), std::min(text.size(), count));
  }
  void align(std::size_t alignment) {
    bytes_.resize((bytes_.size() + alignment - 1) / alignment * alignment);
  }

  std::size_t size() const { return bytes_.size(); }
  std::span<const std::byte> written() const { return bytes_; }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

// Something in the bytes cannot be.
struct ByteError {
  std::string what;
};

// Throws ByteError.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  template <class T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  std::string text() {
    const auto size = number<std::uint64_t>();
    return as_text(take(size));
  }
  // Of text in `count` bytes what is before the first zero.
  std::string fixed(std::size_t count) {
    std::string text = as_text(take(count));
    return text.substr(0, text.find('\0'));
  }
  // A number of items that take at least `least` bytes each.
  std::size_t count(std::size_t least) {
    const auto value = number<std::uint64_t>();
    if (value > rest() / least) throw ByteError{"a number of items is larger than what follows"};
    return value;
  }
  std::span<const std::byte> take(std::uint64_t count) {
    if (count > rest()) throw ByteError{"a length is larger than what follows"};
    const auto taken = bytes_.subspan(at_, count);
    at_ += count;
    return taken;
  }
  std::size_t rest() const { return bytes_.size() - at_; }
  void expect_end() const {
    if (rest() > 0) throw ByteError{std::to_string(rest()) + " bytes too many"};
  }

 private:
  static std::string as_text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
};

}  // namespace gemmule
