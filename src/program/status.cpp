#include "program/status.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>
#include <new>
#include <stdexcept>

#include "program/file.h"
#include "program/package.h"

namespace gemmule {
namespace {

// Fixed memory: a message can be kept when there is no more.
thread_local std::array<char, 1024> message{};

gemmule_status status_of(FileError::Kind kind) {
  switch (kind) {
    case FileError::Kind::io:
      return GEMMULE_IO;
    case FileError::Kind::truncated:
      return GEMMULE_TRUNCATED;
    case FileError::Kind::newer:
      return GEMMULE_NEWER;
    case FileError::Kind::damaged:
      break;
  }
  return GEMMULE_DAMAGED;
}

}  // namespace

gemmule_status failed(gemmule_status status, std::string_view what) noexcept {
  std::size_t size = std::min(what.size(), message.size() - 1);
  // Not within a character of UTF-8.
  while (size > 0 && size < what.size() && (what[size] & 0xc0) == 0x80) --size;
  if (size > 0) std::memcpy(message.data(), what.data(), size);
  message[size] = '\0';
  return status;
}

gemmule_status failed_with_exception() noexcept {
  try {
    throw;
  } catch (const CheckError& error) {
    return failed(GEMMULE_CHECK_FAILED, error.what());
  } catch (const LinAlgError& error) {
    return failed(GEMMULE_LINALG, error.what());
  } catch (const IndexError& error) {
    return failed(GEMMULE_BAD_INDEX, error.what());
  } catch (const UnsupportedError& error) {
    return failed(GEMMULE_UNSUPPORTED, error.what());
  } catch (const FileError& error) {
    return failed(status_of(error.kind), error.what());
  } catch (const UserError& error) {
    return failed(GEMMULE_BAD_ARGUMENT, error.what());
  } catch (const std::bad_alloc&) {
    return failed(GEMMULE_OUT_OF_MEMORY, "there is not enough memory");
  } catch (const std::length_error& error) {  // a size beyond the integers of the BLAS library
    return failed(GEMMULE_UNSUPPORTED, error.what());
  } catch (const std::invalid_argument& error) {  // a kernel that there is not for these dtypes
    return failed(GEMMULE_UNSUPPORTED, error.what());
  } catch (const std::exception& error) {
    return failed(GEMMULE_INTERNAL, error.what());
  } catch (...) {
    return failed(GEMMULE_INTERNAL, "an unknown error");
  }
}

}  // namespace gemmule

extern "C" const char* gemmule_last_error(void) { return gemmule::message.data(); }
