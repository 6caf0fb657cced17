// What `explain` is asked: one packet, as an operator writes it. Pure; any thread.
#ifndef POSTERN_CONTROL_METHODS_EXPLAIN_QUESTION_H_
#define POSTERN_CONTROL_METHODS_EXPLAIN_QUESTION_H_

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "control/rpc/method.h"
#include "control/rpc/rpc_error.h"
#include "dataplane/wire/address.h"

namespace postern {

struct ExplainQuestion {
  Ipv4Address source;
  Ipv4Address destination;
  uint8_t protocol = 0;
  std::optional<uint16_t> destination_port =
      {};                                    // of TCP and UDP always; of others that have ports
  std::optional<uint16_t> source_port = {};  // of ICMP echo the identifier
  std::string node = {};                     // its name or underlay address; empty: not given
};

// The parameters of the method.
std::vector<Param> explain_params();
// The question, or what is wrong about it. `params` fit explain_params().
std::variant<ExplainQuestion, RpcError> explain_question(const nlohmann::json& params);

}  // namespace postern

#endif  // POSTERN_CONTROL_METHODS_EXPLAIN_QUESTION_H_
