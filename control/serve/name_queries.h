// One question to the DNS and its answer, as HostNames sees it.
#ifndef POSTERN_CONTROL_SERVE_NAME_QUERIES_H_
#define POSTERN_CONTROL_SERVE_NAME_QUERIES_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "dataplane/wire/address.h"

namespace postern {

// How many addresses of one answer are used, the first ones.
inline constexpr size_t kMaxNameAddresses = 64;

struct NameAnswer {
  // In the order of the answer, kMaxNameAddresses at most. None: `why` says why there are none.
  std::vector<Ipv4Address> addresses;
  uint32_t ttl_s = 0;  // the least of the answer's records, aliases included
  std::string why;     // to be read by operators: "does not exist"
};

class NameQueries {
 public:
  using Done = std::function<void(NameAnswer)>;
  virtual ~NameQueries() = default;
  // Asks for the IPv4 addresses of `name`. `done` is called once, maybe before ask() returns.
  virtual void ask(const std::string& name, Done done) = 0;
};

}  // namespace postern

#endif  // POSTERN_CONTROL_SERVE_NAME_QUERIES_H_
