// Where in the configuration an answer of the tables comes from: the entry, and its file and line.
// The tables say what was decided; this finds who said so. Reads only; control thread.
#ifndef POSTERN_CONTROL_METHODS_EXPLAIN_PLACES_H_
#define POSTERN_CONTROL_METHODS_EXPLAIN_PLACES_H_

#include <cstdint>
#include <optional>
#include <string>

#include "config/model.h"
#include "control/methods/explain_way.h"
#include "dataplane/stage/classify.h"
#include "dataplane/table/policy.h"
#include "dataplane/table/routes.h"

namespace postern {

// Something of the configuration, as a sentence calls it. Line 0: it stands in no file.
struct ExplainPlace {
  std::string what;
  config::SourceLine line;
};

class ExplainPlaces {
 public:
  // `ground` outlives this.
  explicit ExplainPlaces(const ExplainGround& ground) : ground_(ground), file_(ground.file) {}

  [[nodiscard]] const config::Node* node(NodeIndex index) const;
  [[nodiscard]] const config::Namespace* name_space(NamespaceIndex index) const;

  // What makes the address a pod of the namespace: an entry of its `pods`, or the layer over it.
  [[nodiscard]] ExplainPlace pod(NamespaceIndex index, Ipv4Address address) const;
  // The pod of the file that a patch took out and that would hold the address; nothing where there
  // is none in that VNI. `name` is the namespace's.
  struct TakenOut {
    std::string name;
    Ipv4Prefix pod;
    config::SourceLine line;
  };
  [[nodiscard]] std::optional<TakenOut> taken_out(uint32_t vni, Ipv4Address address) const;
  // What gives the address to the node: one of its own addresses, or its pod CIDR.
  [[nodiscard]] ExplainPlace on_node(NodeIndex index, Ipv4Address address) const;
  // Why the address is inside the cluster or the gateway's own.
  [[nodiscard]] ExplainPlace inside(Ipv4Address address) const;
  // Whose the policy with that number is.
  [[nodiscard]] ExplainPlace policy(uint32_t policy, const ExplainWay& way,
                                    const Decision& decision) const;
  // The address in the entry that has it.
  [[nodiscard]] ExplainPlace egress_address(Ipv4Address address) const;
  // What gave the mark to that namespace's sessions to `remote`.
  [[nodiscard]] ExplainPlace mark(NamespaceIndex index, Ipv4Address remote) const;
  [[nodiscard]] ExplainPlace external_route(const Route& route) const;
  // By which a node is reached from that port.
  [[nodiscard]] ExplainPlace cluster_route(Ipv4Address vtep, Ipv4Address local) const;

 private:
  [[nodiscard]] std::optional<ExplainPlace> own_address(Ipv4Address address) const;
  [[nodiscard]] std::optional<ExplainPlace> of_nodes(Ipv4Address address) const;
  [[nodiscard]] ExplainPlace route(const Route& route) const;

  const ExplainGround& ground_;
  const config::Model& file_;
};

}  // namespace postern

#endif  // POSTERN_CONTROL_METHODS_EXPLAIN_PLACES_H_
