#include "dataplane/stage/choose.h"

namespace postern {
namespace {

// A finaliser with full avalanche (SplitMix64). Not secret: a pod's address is no secret, and it
// must stay the same over a restart.
uint64_t mix(uint64_t x) {
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return x ^ x >> 31;
}

}  // namespace

AddressChoice::AddressChoice(const PolicyTable& policies, const EgressPolicy& policy,
                             const Flow& flow, uint16_t source_port)
    : policies_(policies), policy_(policy) {
  flow_hash_ = mix(uint64_t{flow.vni} << 32 | flow.source.value);
  if (policy.spread == Spread::kSession) {
    flow_hash_ = mix(flow_hash_ ^ (uint64_t{flow.destination.value} << 32 |
                                   uint64_t{flow.destination_port} << 16 | source_port));
    flow_hash_ = mix(flow_hash_ + flow.protocol);
  }
}

uint64_t AddressChoice::score(uint32_t position) const {
  // Unique in the low bits, so that two addresses never score the same.
  if (policy_.spread == Spread::kFirst) return policy_.addresses.count - uint64_t{position};
  const AddressSlot slot = policies_.address_slots[policy_.addresses.first + position];
  const uint64_t hash = mix(flow_hash_ ^ mix(policies_.addresses[slot].address.value));
  return (hash & ~uint64_t{0xffff}) | slot;
}

AddressSlot AddressChoice::next() {
  uint64_t best_score = 0;
  AddressSlot best = kNoAddress;
  for (uint32_t i = 0; i < policy_.addresses.count; ++i) {
    const uint64_t candidate = score(i);
    if (candidate >= last_score_ || candidate < best_score) continue;
    const AddressSlot slot = policies_.address_slots[policy_.addresses.first + i];
    best_score = candidate;
    best = slot;
  }
  last_score_ = best_score;
  return best;
}

}  // namespace postern
