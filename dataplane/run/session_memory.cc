#include "dataplane/run/session_memory.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>
#include <utility>

namespace postern {
namespace {

constexpr int kPrivate = MAP_PRIVATE | MAP_ANONYMOUS;
constexpr int kHuge2M = MAP_HUGETLB | (21 << MAP_HUGE_SHIFT);

constexpr size_t round_up(size_t bytes) {
  return (bytes + SessionMemory::kAlignment - 1) / SessionMemory::kAlignment *
         SessionMemory::kAlignment;
}

// `size` bytes of address space on a 2 MiB boundary, or null: maps more and returns the ends.
std::byte* map_aligned(size_t size) {
  const size_t with_slack = size + SessionMemory::kAlignment;
  void* mapped = mmap(nullptr, with_slack, PROT_READ | PROT_WRITE, kPrivate, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  auto* const first = static_cast<std::byte*>(mapped);
  const size_t misfit = reinterpret_cast<uintptr_t>(first) % SessionMemory::kAlignment;
  const size_t skipped = misfit == 0 ? 0 : SessionMemory::kAlignment - misfit;
  if (skipped > 0) munmap(first, skipped);
  munmap(first + skipped + size, SessionMemory::kAlignment - skipped);
  return first + skipped;
}

bool kernel_joins_pages() {
  std::ifstream file("/sys/kernel/mm/transparent_hugepage/enabled");
  std::string line;
  return std::getline(file, line) && line.find("[never]") == std::string::npos;
}

// Makes every page present. False where the memory is not there.
bool populate(std::byte* start, size_t size) {
  if (madvise(start, size, MADV_POPULATE_WRITE) == 0) return true;
  if (errno != EINVAL) return false;
  for (size_t at = 0; at < size; at += 4096) {  // a kernel before 5.14
    static_cast<volatile std::byte*>(start)[at] = std::byte{0};
  }
  return true;
}

}  // namespace

Outcome<SessionMemory> SessionMemory::map(size_t bytes, bool huge) {
  const size_t size = round_up(bytes == 0 ? 1 : bytes);
  if (huge) {
    // The pages are taken from the pool here, or the call fails.
    void* mapped = mmap(nullptr, size, PROT_READ | PROT_WRITE, kPrivate | kHuge2M, -1, 0);
    if (mapped != MAP_FAILED) {
      SessionMemory memory(static_cast<std::byte*>(mapped), size, Pages::kHuge);
      if (populate(memory.start_, size)) return memory;
    }
  }
  std::byte* const start = map_aligned(size);
  if (start != nullptr) {
    const bool joined = madvise(start, size, MADV_HUGEPAGE) == 0 && kernel_joins_pages();
    SessionMemory memory(start, size, joined ? Pages::kTransparent : Pages::kSmall);
    if (populate(start, size)) return memory;
  }
  return Complaint{"no memory for the session table (" + std::to_string(size >> 20) +
                       " MiB): " + std::strerror(errno),
                   "lower sessions.max, or free memory"};
}

SessionMemory::SessionMemory(SessionMemory&& other) noexcept
    : start_(std::exchange(other.start_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      pages_(other.pages_) {}

SessionMemory& SessionMemory::operator=(SessionMemory&& other) noexcept {
  std::swap(start_, other.start_);
  std::swap(size_, other.size_);
  std::swap(pages_, other.pages_);
  return *this;
}

SessionMemory::~SessionMemory() {
  if (start_ != nullptr) munmap(start_, size_);
}

std::string_view name_of(SessionMemory::Pages pages) {
  switch (pages) {
    case SessionMemory::Pages::kHuge:
      return "huge";
    case SessionMemory::Pages::kTransparent:
      return "transparent";
    case SessionMemory::Pages::kSmall:
      return "small";
  }
  return "small";
}

}  // namespace postern
