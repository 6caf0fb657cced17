#include "bench/allocation_count.h"

#include <cerrno>
#include <cstdlib>

namespace {

// Replaced functions have no object that could hold it.
thread_local uint64_t calls = 0;

}  // namespace

// The C library's own, under the names that it has for replacements.
extern "C" {
void* __libc_malloc(size_t bytes);
void* __libc_calloc(size_t count, size_t bytes);
void* __libc_realloc(void* at, size_t bytes);
void* __libc_memalign(size_t alignment, size_t bytes);
void __libc_free(void* at);

void* malloc(size_t bytes) noexcept {
  ++calls;
  return __libc_malloc(bytes);
}
void* calloc(size_t count, size_t bytes) noexcept {
  ++calls;
  return __libc_calloc(count, bytes);
}
void* realloc(void* at, size_t bytes) noexcept {
  ++calls;
  return __libc_realloc(at, bytes);
}
void* aligned_alloc(size_t alignment, size_t bytes) noexcept {
  ++calls;
  return __libc_memalign(alignment, bytes);
}
void* memalign(size_t alignment, size_t bytes) noexcept {
  ++calls;
  return __libc_memalign(alignment, bytes);
}
int posix_memalign(void** at, size_t alignment, size_t bytes) noexcept {
  ++calls;
  *at = __libc_memalign(alignment, bytes);
  return *at == nullptr ? ENOMEM : 0;
}
void free(void* at) noexcept {
  ++calls;
  __libc_free(at);
}
}

namespace postern::bench {

uint64_t AllocationCount::so_far() { return calls; }

}  // namespace postern::bench
