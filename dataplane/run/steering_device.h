// What plan_steering() (steering.h) came to, put into a device: rules by rte_flow, a hash key and a
// redirection table. Taken out again before the device stops.
//
// A device that takes a rule and then does not make it is asked again for less. What fails, fails
// quietly: packets are handed over then, and the plan says which.
//
// Control thread, while the device runs; workers may poll it meanwhile.
#ifndef POSTERN_DATAPLANE_RUN_STEERING_DEVICE_H_
#define POSTERN_DATAPLANE_RUN_STEERING_DEVICE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/run/steering.h"

struct rte_flow;

namespace postern {

// Whether the device would take the rule.
[[nodiscard]] bool validate_rule(uint16_t port_id, const SteeringPlan& plan,
                                 const SteeringRule& rule, uint16_t queues);

// What the device says of itself, where it has `queues` receive queues.
[[nodiscard]] SteeringAbility ability_of(uint16_t port_id, uint16_t queues);

class SteeringDevice {
 public:
  SteeringDevice() = default;
  SteeringDevice(SteeringDevice&& other) noexcept
      : port_id_(other.port_id_),
        flows_(std::exchange(other.flows_, {})),
        plan_(std::move(other.plan_)),
        role_(other.role_) {}
  SteeringDevice& operator=(SteeringDevice&&) = delete;
  ~SteeringDevice() { remove(); }

  // Instead of what was put in before. `port_id` runs with `queues` receive queues.
  void steer(uint16_t port_id, uint16_t queues, const SteeringNeeds& needs);
  // Takes the rules out. To be called before the device stops.
  void remove();

  [[nodiscard]] std::string text() const { return steering_text(plan_, role_); }
  [[nodiscard]] const SteeringPlan& plan() const { return plan_; }
  // Rules that the device has now.
  [[nodiscard]] size_t rules() const { return flows_.size(); }

 private:
  const SteeringRule* make_rules(uint16_t queues);
  [[nodiscard]] bool set_table() const;

  uint16_t port_id_ = 0;
  std::vector<rte_flow*> flows_;
  SteeringPlan plan_;
  PortRole role_ = PortRole::kCluster;
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_RUN_STEERING_DEVICE_H_
