// A network interface of the kernel, of this network namespace, by name: what ports need of it that
// DPDK's drivers do not give (their MTU limits are made up). Control thread; system calls.
#ifndef POSTERN_DATAPLANE_RUN_KERNEL_INTERFACE_H_
#define POSTERN_DATAPLANE_RUN_KERNEL_INTERFACE_H_

#include <cstdint>
#include <optional>
#include <string>

namespace postern {

// Its MTU in bytes; nothing where there is no such interface (any more).
[[nodiscard]] std::optional<uint32_t> interface_mtu(const std::string& name);

// Whether the interface is up and has a carrier; nothing where there is no such interface.
[[nodiscard]] std::optional<bool> interface_running(const std::string& name);

// 0, or an errno.
[[nodiscard]] int set_interface_mtu(const std::string& name, uint32_t mtu_bytes);
[[nodiscard]] int set_interface_up(const std::string& name);

}  // namespace postern

#endif  // POSTERN_DATAPLANE_RUN_KERNEL_INTERFACE_H_
