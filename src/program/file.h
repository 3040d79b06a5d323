// Programs as files.
//
//   offset   bytes
//        0       8  "\x93GEMMULE"
//        8       4  the number of the format: kFormat
//       12       4  0x01020304: the order of bytes
//       16       8  size of the whole file
//       24      16  the version of Gemmule that wrote it, "0.1.0", zeros behind
//       40      16  the oldest version of Gemmule that reads it
//       56       4  the number of sections
//       60       4  checksum of bytes 0 to 59 and of the table
//       64    32 n  the table: per section its name (8 bytes), offset, size, checksum, 0 (4 bytes)
//
// Sections start at multiples of 64 bytes, in this order, with zeros in between:
//   "graphs"   the text of all graphs; large constants are numbers of tensors, "f64[1000] @3"
//   "index"    text: functions with the names of their inputs and outputs and messages of checks,
//   data, metadata "tensors"  a table (dtype, rank, offset, sizes) and the elements of large
//   constants and data, each aligned to 64
//              bytes
//
// All numbers are little endian; checksums are CRC-32 (ISO 3309). A number of the format stays
// readable: what changes the meaning of a file gets a new one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "program/package.h"

namespace gemmule {

struct FileError : UserError {
  enum class Kind : std::uint8_t { io, truncated, damaged, newer };

  FileError(Kind k, const std::string& what) : UserError(what), kind(k) {}
  Kind kind;
};

}  // namespace gemmule
