// Memory for a worker's session table: zeroed, aligned to 2 MiB, every page present, so that the
// packet path takes no page fault. In huge pages where there are any: from a million sessions on,
// 4 KiB pages cost 17 to 25 %.
//
// Mapped and freed by the control thread; its owner is the worker that the table is given to.
#ifndef POSTERN_DATAPLANE_RUN_SESSION_MEMORY_H_
#define POSTERN_DATAPLANE_RUN_SESSION_MEMORY_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "dataplane/run/complaint.h"

namespace postern {

class SessionMemory {
 public:
  static constexpr size_t kAlignment = size_t{2} << 20;  // a huge page

  // What the memory is made of.
  enum class Pages : uint8_t {
    kHuge,         // huge pages of the pool
    kTransparent,  // ordinary pages; the kernel was asked to join them and may have
    kSmall,        // ordinary pages; the kernel does not join them
  };

  // At least `bytes`, rounded up to 2 MiB. `huge`: try the huge page pool first. Complains where
  // the machine has not got so much.
  static Outcome<SessionMemory> map(size_t bytes, bool huge);

  SessionMemory(SessionMemory&& other) noexcept;
  SessionMemory& operator=(SessionMemory&& other) noexcept;
  ~SessionMemory();

  [[nodiscard]] std::span<std::byte> bytes() const { return {start_, size_}; }
  [[nodiscard]] Pages pages() const { return pages_; }

 private:
  SessionMemory(std::byte* start, size_t size, Pages pages)
      : start_(start), size_(size), pages_(pages) {}

  std::byte* start_ = nullptr;
  size_t size_ = 0;
  Pages pages_ = Pages::kSmall;
};

// "huge", "transparent", "small": for the log and `status`.
[[nodiscard]] std::string_view name_of(SessionMemory::Pages pages);

}  // namespace postern

#endif  // POSTERN_DATAPLANE_RUN_SESSION_MEMORY_H_
