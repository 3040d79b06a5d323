// Programs as files.
//
//   offset   bytes
//        0       8  "\x93GEMMULE"
//        8       4  0x01020304 in the order of bytes of all numbers: little endian
//       12       4  the number of the format
//       16       8  bytes of the whole file
//       24      16  the version of Gemmule that wrote it, "0.1.0", filled up with zeros
//       40      16  the oldest version that reads it
//       56       4  the number of sections
//       60       4  checksum of the bytes before
//       64    32 n  the sections: name (8 bytes), offset (8), bytes (8), checksum (4), 0 (4)
//       ..       4  checksum of these rows
//
// Sections lie one behind the other in the order of the rows, each from the next multiple of 64
// bytes on, with zeros in between. The first 64 bytes are those of every format.
//
//   program   functions, data and metadata, as file.cpp writes them; graphs are text (ir/text.h)
//   without their large
//             constants
//   tensors   dtype, shape and place of large constants and data
//   elements  what they hold, each from a multiple of 64 bytes on
//
// Checksums are CRC-32 (ISO 3309). A file is read as what may be damaged anywhere: every number is
// checked before it is used. What changes the meaning of a file gets a new number of the format;
// older ones stay readable. New ops do not: a file of a newer version that cannot be read says so.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "program/package.h"

namespace gemmule {

struct FileError : UserError {
  enum class Kind : std::uint8_t { io, truncated, damaged, newer };

  FileError(Kind k, const std::string& what, int number = 0)
      : UserError(what), kind(k), error(number) {}
  Kind kind;
  int error;  // errno, of io
};

inline constexpr std::uint32_t kProgramFormat = 1;

std::vector<std::byte> to_bytes(const Package& package);

// Throws FileError. `name` is what messages call the bytes.
Package parse_package(std::span<const std::byte> bytes, const std::string& name);

// The file is replaced as a whole, or not at all. Throws FileError.
void save_package(const Package& package, const std::string& path);

// Throws FileError.
Package load_package(const std::string& path);

}  // namespace gemmule
