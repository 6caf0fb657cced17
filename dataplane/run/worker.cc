#include "dataplane/run/worker.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_pause.h>

#include <algorithm>
#include <cstring>

namespace postern {
namespace {

// control.md: room for at least 100 answers a second per source and bursts of 50.
constexpr Rate kAnswersPerSource{.per_second = 100, .burst = 50};
constexpr Rate kAnswersInAll{.per_second = 20000, .burst = 2000};

// Of ARP, by who asks and for what: a host asks once a second, a bridge that loops without end. All
// together cost a worker some percent of its time.
constexpr Rate kArpAnswersPerQuestion{.per_second = 100, .burst = 100};
constexpr Rate kArpAnswersInAll{.per_second = 100'000, .burst = 10'000};

// A bound for a turn, as a received burst is.
constexpr uint32_t kInjectionsPerTurn = kBurst;
// Of held packets, which are looked at once a millisecond: every turn would let a pod that calls
// absent neighbours slow everybody down.
constexpr uint32_t kReleasesPerLook = kBurst;
// Of datagrams whose time is over; a flood of them is gone within a few hundred turns. A bound for
// a turn.
constexpr uint32_t kExpiredDatagramsPerTurn = 256;

// Only where the operator wants a quiet CPU: a bound of what the first packet after a pause waits,
// beside which 64 idle turns are nothing.
constexpr uint32_t kTurnsBeforeSleep = 64;
constexpr uint32_t kSleep_us = 50;
// A transmit queue that took nothing may have room a moment later. A bound: a dead link must not
// hold the worker up.
constexpr uint32_t kTransmitTries = 4;

}  // namespace

Worker::Worker(const WorkerSettings& settings, const WorkerResources& resources)
    : settings_(settings),
      given_(resources),
      sessions_(resources.table, resources.shared.source_records, resources.accounts,
                resources.counters, resources.sessions, resources.handover.self),
      doors_(resources.counters, static_cast<uint32_t>(settings.devices.size())),
      fragments_(resources.fragments, resources.counters, resources.sessions.workers()),
      answers_(kAnswersPerSource, kAnswersInAll, settings.hash_key),
      arp_answers_(kArpAnswersPerQuestion, kArpAnswersInAll, settings.hash_key),
      walk_{.sessions = sessions_,
            .doors = doors_,
            .tools = {.pool = resources.pool,
                      .limit = answers_,
                      .holds = holds_,
                      .counters = resources.counters},
            .fragments = fragments_,
            .arp_answers = arp_answers_,
            .heard = {},
            .handover = resources.sessions.workers() == 1 ? nullptr : &resources.handover} {}

void Worker::run() {
  WorkerChannel& channel = given_.channel;
  uint64_t seen = 0;
  uint32_t idle_turns = 0;
  uint64_t before = rte_rdtsc();
  while (!channel.stop.load(std::memory_order_acquire)) {
    const uint64_t generation = given_.published.generation();
    const Snapshot* snapshot = given_.published.current();
    if (snapshot == nullptr) {
      rest(kTurnsBeforeSleep);
      continue;
    }
    if (generation != seen) {
      seen = generation;
      given_.table.set_port_hold(snapshot->timeouts.port_hold_s);
      channel.seen_generation.store(seen, std::memory_order_release);
    }
    const bool was_busy = turn(*snapshot) != 0;
    idle_turns = was_busy ? 0 : idle_turns + 1;
    if (idle_turns != 0) rest(idle_turns);
    const uint64_t after = rte_rdtsc();
    (was_busy ? given_.counters.busy_cycles : given_.counters.idle_cycles).add(after - before);
    before = after;
  }
  leave();
  channel.stopped.store(true, std::memory_order_release);
}

// What other workers hand over after this is freed with the rings.
void Worker::leave() {
  holds_.drop_all(Reason::kShutdown, doors_);
  fragments_.drop_all(Reason::kShutdown, doors_);
  for (uint32_t port = 0; port < doors_.ports(); ++port) {
    doors_.sent(static_cast<uint16_t>(port), 0);
  }
  errands_.abandon();
  facts_.abandon();
}

uint32_t Worker::turn(const Snapshot& snapshot) {
  const Now now = given_.clock.now();
  uint32_t received = 0;
  for (uint16_t port = 0; port < settings_.devices.size(); ++port) {
    if ((settings_.receives >> port & 1) != 0) received += receive(snapshot, port, now);
  }
  if (walk_.handover != nullptr) received += take_from_others(snapshot, now);
  housekeep(snapshot, now);
  flush(snapshot);
  return received;
}

uint32_t Worker::receive(const Snapshot& snapshot, uint16_t port, Now now) {
  burst_.size =
      rte_eth_rx_burst(settings_.devices[port], settings_.queue, burst_.frame.data(), kBurst);
  if (burst_.size == 0) return 0;
  given_.counters.received.add(burst_.size);
  given_.counters.ports[port].received.add(burst_.size);
  walk(snapshot, port, burst_, now, walk_);
  if (walk_.heard.size != 0) report(snapshot, walk_.heard, now);
  flush(snapshot);
  return burst_.size;
}

// From each of them a burst, so that none keeps the others waiting.
uint32_t Worker::take_from_others(const Snapshot& snapshot, Now now) {
  uint32_t taken = 0;
  for (HandoverRing* from : walk_.handover->from) {
    if (from == nullptr) continue;
    const uint32_t walked = walk_handed(snapshot, *from, burst_, now, walk_);
    taken += walked;
    if (walked == 0) continue;
    if (walk_.heard.size != 0) report(snapshot, walk_.heard, now);
    flush(snapshot);
  }
  sessions_.make_room_for_others(now);
  return taken;
}

void Worker::housekeep(const Snapshot& snapshot, Now now) {
  doors_.set_time(now);
  Injection injection;
  for (uint32_t i = 0; i < kInjectionsPerTurn && given_.channel.frames.pop(injection); ++i) {
    doors_.made();
    doors_.forward(injection.frame, injection.port);
  }
  if (!holds_.empty()) {
    if (now.ms != released_at_ms_) {
      released_at_ms_ = now.ms;
      holds_.release(snapshot, sessions_, now, kReleasesPerLook, doors_);
    }
    NeighbourKey key;
    while (holds_.next_request(key)) {
      given_.channel.punts.push({.kind = Punt::Kind::kResolve, .neighbour = key, .mac = {}});
    }
  }
  tend_fragments(snapshot, now);
  take_command();
  errands_.turn(snapshot, now);
  facts_.turn(snapshot, now);
  sweep(snapshot, now);
}

// Woken fragments leave a burst a turn, so that the ports' queues have room for their pieces.
void Worker::tend_fragments(const Snapshot& snapshot, Now now) {
  fragments_.expire(snapshot, now, kExpiredDatagramsPerTurn, doors_);
  if (fragments_.has_woken()) walk_woken(snapshot, burst_, now, walk_);
}

void Worker::take_command() {
  if (errands_.busy() || facts_.busy()) return;  // one after another
  if (purges_begun_ - purges_ended_ == kPurgesUnderWay) return;
  WorkerCommand command;
  if (!given_.channel.commands.pop(command)) return;
  switch (command.kind) {
    case WorkerCommand::Kind::kCopySessions:
      errands_.copy(command.copy);
      break;
    case WorkerCommand::Kind::kRemoveSessions:
      errands_.remove(command.removal);
      break;
    case WorkerCommand::Kind::kRevalidate:
      errands_.revalidate(command.revalidation);
      break;
    case WorkerCommand::Kind::kTellFacts:
      facts_.begin(command.facts);
      break;
    case WorkerCommand::Kind::kPurge:
      purge_tickets_[purges_begun_++ % kPurgesUnderWay] = given_.table.purge();
      break;
  }
}

void Worker::sweep(const Snapshot& snapshot, Now now) {
  const auto visit = [&](SessionHandle handle, bool expired) {
    SessionEntry& entry = given_.table.entry(handle);
    if (expired) {
      sessions_.settle_expired(entry);
      return SweepVerdict::kEnd;
    }
    if (session_stands(snapshot, entry)) return SweepVerdict::kKeep;
    sessions_.settle_removed(entry);
    return SweepVerdict::kEnd;
  };
  sweep_pace_.turn(
      now, given_.table.capacity(), purges_begun_ != purges_ended_,
      [&](uint32_t positions) { return given_.table.sweep(now, positions, visit); }, rte_rdtsc);
  while (purges_begun_ != purges_ended_ &&
         given_.table.purged(purge_tickets_[purges_ended_ % kPurgesUnderWay])) {
    ++purges_ended_;
    given_.channel.purges_finished.fetch_add(1, std::memory_order_release);
  }
}

void Worker::report(const Snapshot& snapshot, const HeardNeighbours& heard, Now now) {
  for (uint32_t i = 0; i < heard.size; ++i) {
    const auto& [neighbour, mac] = heard.heard[i];
    if (!heard_filter_.passes(snapshot.shared->neighbours, neighbour, mac, now)) continue;
    given_.channel.punts.push({.kind = Punt::Kind::kHeard, .neighbour = neighbour, .mac = mac});
  }
}

void Worker::flush(const Snapshot& snapshot) {
  for (uint16_t port = 0; port < settings_.devices.size(); ++port) {
    if (doors_.waiting(port).empty()) continue;
    const PortEntry& entry = snapshot.ports[port];
    if (entry.vlan != 0) doors_.tag(port, entry.vlan, entry.device_tags);
    const auto waiting = doors_.waiting(port);
    const auto size = static_cast<uint16_t>(waiting.size());
    uint16_t taken = 0;
    for (uint32_t tries = 0; taken < size && tries < kTransmitTries; ++tries) {
      taken = static_cast<uint16_t>(taken +
                                    rte_eth_tx_burst(settings_.devices[port], settings_.queue,
                                                     const_cast<rte_mbuf**>(waiting.data()) + taken,
                                                     static_cast<uint16_t>(size - taken)));
    }
    doors_.sent(port, taken);
  }
}

void Worker::rest(uint32_t idle_turns) const {
  if (settings_.sleep_when_idle && idle_turns >= kTurnsBeforeSleep) {
    rte_delay_us_sleep(kSleep_us);
  } else {
    rte_pause();
  }
}

}  // namespace postern
