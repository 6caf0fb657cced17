#include "test/packet/gateway.h"

#include <rte_eal.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

#include "config/load.h"
#include "dataplane/run/handover_mesh.h"
#include "dataplane/run/session_errands.h"

#if defined(__SANITIZE_ADDRESS__)
#define POSTERN_LEAK_CHECKER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POSTERN_LEAK_CHECKER
#endif
#endif
#if defined(POSTERN_LEAK_CHECKER)
#include <sanitizer/lsan_interface.h>
#endif

namespace postern::test {
namespace {

constexpr unsigned kFrames = 2048;
constexpr FragmentTableConfig kFragments{.datagrams = 1024, .early = 512, .key = {5, 6}};

[[noreturn]] void fail(const std::string& why) {
  std::fprintf(stderr, "test gateway: %s\n", why.c_str());
  std::abort();
}

config::Model model_of(const std::string& configuration) {
  config::LoadResult result = config::load_text(configuration, "test.cfg");
  std::string errors;
  for (const auto& error : result.errors) errors += "\n" + error.text();
  if (!result.model) fail("configuration refused:" + errors);
  return std::move(*result.model);
}

SessionTableConfig table_config(const config::Model& model, const Gateway::Several& several,
                                const OwnerMap& owners, WorkerIndex worker) {
  SessionTableConfig config;
  config.max_sessions = SharedSessions::table_size(several.max_sessions, owners, worker);
  config.shard_bits = owners.shard_bits();
  config.owned_shards = owners.owned_shards(worker);
  config.port_low = model.sessions.port_range->first;
  config.port_high = model.sessions.port_range->last;
  config.port_hold_s = model.sessions.port_hold_s;
  config.key = {uint64_t{1} + worker, 2, 3, uint64_t{4} + worker};
  return config;
}

struct AlignedFree {
  void operator()(std::byte* memory) const { std::free(memory); }
};

// A frame's bytes on the heap, so that AddressSanitizer sees every byte read behind their end.
struct ExactBuffer {
  rte_mbuf_ext_shared_info shared{};
  Bytes bytes;
};

// Frames that wait are known to DPDK's memory alone, where no leak checker looks. One that is lost
// is found at the gateway's end.
void hide_from_leak_checker([[maybe_unused]] const ExactBuffer* buffer) {
#if defined(POSTERN_LEAK_CHECKER)
  __lsan_ignore_object(buffer);
#endif
}

}  // namespace

rte_mbuf* exact_frame(rte_mempool* pool, const Bytes& bytes) {
  auto* buffer = new ExactBuffer{.bytes = Bytes(RTE_PKTMBUF_HEADROOM + bytes.size())};
  hide_from_leak_checker(buffer);
  std::copy(bytes.begin(), bytes.end(), buffer->bytes.begin() + RTE_PKTMBUF_HEADROOM);
  buffer->shared.free_cb = [](void*, void* opaque) { delete static_cast<ExactBuffer*>(opaque); };
  buffer->shared.fcb_opaque = buffer;
  rte_mbuf_ext_refcnt_set(&buffer->shared, 1);
  rte_mbuf* frame = rte_pktmbuf_alloc(pool);
  if (frame == nullptr) fail("no packet buffer is free");
  rte_pktmbuf_attach_extbuf(frame, buffer->bytes.data(), 0,
                            static_cast<uint16_t>(buffer->bytes.size()), &buffer->shared);
  frame->data_off = RTE_PKTMBUF_HEADROOM;
  frame->data_len = static_cast<uint16_t>(bytes.size());
  frame->pkt_len = frame->data_len;
  return frame;
}

void start_eal() {
  static char prefix[64];
  std::snprintf(prefix, sizeof prefix, "--file-prefix=postern-test-%d", getpid());
  static char arguments[][32] = {"test",      "--no-pci",    "--no-huge",      "-m",
                                 "64",        "--no-shconf", "--no-telemetry", "--log-level=1",
                                 "--lcores=0"};
  std::vector<char*> argv;
  for (auto& argument : arguments) argv.push_back(argument);
  argv.push_back(prefix);
  if (rte_eal_init(static_cast<int>(argv.size()), argv.data()) < 0) fail("EAL does not start");
}

namespace {

std::unique_ptr<std::byte, AlignedFree> zeroed(size_t bytes) {
  auto* memory = static_cast<std::byte*>(std::aligned_alloc(64, (bytes + 63) / 64 * 64));
  std::memset(memory, 0, bytes);
  return std::unique_ptr<std::byte, AlignedFree>(memory);
}

// A pool of its own for each gateway; `owner` makes the name unique in the process.
rte_mempool* frame_pool(const void* owner) {
  char name[RTE_MEMPOOL_NAMESIZE];
  std::snprintf(name, sizeof name, "test-%p", owner);
  rte_mempool* pool = rte_pktmbuf_pool_create(name, kFrames, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
  if (pool == nullptr) fail("no packet buffers");
  return pool;
}

}  // namespace

// A worker's own things.
struct Gateway::Worker {
  Worker(const SessionTableConfig& config, rte_mempool* pool, SharedTables& shared,
         SharedSessions& all, const HandoverEnds& ends)
      : memory(zeroed(SessionTable::memory_bytes(config))),
        table(config, std::span(memory.get(), SessionTable::memory_bytes(config))),
        fragment_memory(zeroed(FragmentTable::memory_bytes(kFragments))),
        fragment_table(kFragments,
                       std::span(fragment_memory.get(), FragmentTable::memory_bytes(kFragments))),
        sessions(table, shared.source_records, accounts, counters, all, ends.self),
        walk{.sessions = sessions,
             .doors = doors,
             .tools = {.pool = pool, .limit = answers, .holds = holds, .counters = counters},
             .fragments = fragments,
             .arp_answers = arp_answers,
             .heard = {},
             .handover = all.workers() == 1 ? nullptr : &ends} {}
  ~Worker() {
    holds.drop_all(Reason::kShutdown, doors);
    fragments.drop_all(Reason::kShutdown, doors);
  }

  std::unique_ptr<std::byte, AlignedFree> memory;
  SessionTable table;
  std::unique_ptr<std::byte, AlignedFree> fragment_memory;
  FragmentTable fragment_table;
  SessionAccounts accounts{kMaxNamespaces, kMaxAddresses};
  Counters counters;
  Sessions sessions;
  Doors doors{counters, kMaxPorts};
  HoldQueue holds;
  FragmentGatherer fragments{fragment_table, counters};
  RateLimiter answers{{.per_second = 100, .burst = 50}, {.per_second = 20000, .burst = 2000}, 5};
  RateLimiter arp_answers{
      {.per_second = 100, .burst = 100}, {.per_second = 100'000, .burst = 10'000}, 5};
  WalkContext walk;
};

struct Gateway::Parts {
  Parts(const config::Model& model, const Several& several)
      : pool(frame_pool(this)),
        all({.owners = {.workers = several.workers,
                        .port_low = model.sessions.port_range->first,
                        .port_high = model.sessions.port_range->last,
                        .key = {11, 12}},
             .max_sessions = several.max_sessions,
             .namespaces = kMaxNamespaces}),
        mesh(std::in_place, all.owners(), several.ring_slots) {
    for (uint32_t i = 0; i < several.workers; ++i) {
      const SessionTableConfig config =
          table_config(model, several, all.owners(), static_cast<WorkerIndex>(i));
      workers.push_back(std::make_unique<Worker>(config, pool, shared, all, mesh->ends(i)));
    }
  }
  ~Parts() {
    workers.clear();
    mesh.reset();
    if (rte_mempool_in_use_count(pool) != 0) fail("packet buffers leak");
    rte_mempool_free(pool);
  }

  rte_mempool* pool;
  SharedTables shared{kMaxSources, kMaxNextHops + kMaxOnLink, kMaxNodes, 77};
  SharedSessions all;
  std::optional<HandoverMesh> mesh;
  std::vector<std::unique_ptr<Worker>> workers;
  Books books;
  SourceBook sources{&shared.source_records};
  NeighbourSlot next_on_link = kMaxNextHops;
};

Gateway::Gateway(const std::string& configuration) : Gateway(configuration, Several{}) {}

Gateway::Gateway(const std::string& configuration, const Several& several)
    : parts_(std::make_unique<Parts>(model_of(configuration), several)) {
  apply(configuration);
}

Gateway::Gateway(const std::string& configuration, Bare) {
  const config::Model model = model_of(configuration);
  parts_ = std::make_unique<Parts>(model, Several{});
  for (const auto& port : model.ports) port_names_.push_back(port.name);
}

Gateway::~Gateway() = default;

SharedTables& Gateway::shared() { return parts_->shared; }

void Gateway::apply(const std::string& configuration) {
  const config::Model model = model_of(configuration);
  const PortFacts facts[] = {{0, kClusterMac}, {1, kUplinkMac}, {2, kSecondUplinkMac}};
  auto compiled = compile(model, std::span(facts).first(model.ports.size()), parts_->books, 42);
  if (!compiled.ok()) fail(std::string(compiled.status().message()));
  auto change = parts_->sources.plan(source_inputs(model, compiled->books));
  if (!change.ok()) fail(std::string(change.status().message()));
  parts_->sources.prepare(*change);
  compiled->snapshot->generation = snapshot_ == nullptr ? 1 : snapshot_->generation + 1;
  compiled->snapshot->shared = &parts_->shared;
  compiled->snapshot->sources = parts_->sources.build_map(*change, 43);
  snapshot_ = std::move(compiled->snapshot);
  in_force_ = snapshot_.get();
  parts_->sources.commit(*change);
  parts_->sources.retire(change->retired);
  parts_->books = compiled->books;
  port_names_.clear();
  for (const auto& port : model.ports) port_names_.push_back(port.name);
  for (const NextHop& hop : compiled->next_hops) {
    parts_->shared.neighbours.store(hop.slot, {kNextHopMac, NeighbourState::kReachable});
    parts_->shared.neighbours.bind(hop.key, hop.slot);
  }
}

std::vector<Sent> Gateway::receive(std::string_view port, const std::vector<Packet>& packets) {
  std::vector<Sent> sent = receive_at(0, port, packets);
  for (Sent& handed : hand_on()) sent.push_back(std::move(handed));
  return sent;
}

std::vector<Sent> Gateway::receive_at(uint32_t worker, std::string_view port,
                                      const std::vector<Packet>& packets) {
  Worker& at = *parts_->workers[worker];
  Burst burst;
  for (const Packet& packet : packets) {
    burst.frame[burst.size++] = make_frame_(parts_->pool, packet.bytes());
  }
  at.counters.received.add(burst.size);
  walk(*in_force_, port_index(port), burst, now_, at.walk);
  std::vector<Sent> sent = take_sent(at);
  while (at.fragments.has_woken()) {
    walk_woken(*in_force_, burst, now_, at.walk);
    for (Sent& one : take_sent(at)) sent.push_back(std::move(one));
  }
  return sent;
}

std::vector<Sent> Gateway::hand_on() {
  std::vector<Sent> sent;
  for (uint32_t quiet = 0; quiet < parts_->workers.size();) {
    uint32_t taken = 0;
    for (uint32_t i = 0; i < parts_->workers.size(); ++i) {
      Worker& at = *parts_->workers[i];
      Burst burst;
      const auto note = [&] {
        for (Sent& one : take_sent(at)) sent.push_back(std::move(one));
      };
      for (HandoverRing* ring : parts_->mesh->ends(i).from) {
        if (ring == nullptr) continue;
        taken += walk_handed(*in_force_, *ring, burst, now_, at.walk);
        note();
      }
      for (; at.fragments.has_woken(); ++taken) {
        walk_woken(*in_force_, burst, now_, at.walk);
        note();
      }
    }
    quiet = taken == 0 ? quiet + 1 : 0;
  }
  return sent;
}

std::vector<Sent> Gateway::receive(std::string_view port, const Packet& packet) {
  return receive(port, std::vector<Packet>{packet});
}

std::vector<Sent> Gateway::release_held() {
  std::vector<Sent> sent;
  for (const auto& worker : parts_->workers) {
    worker->doors.set_time(now_);
    worker->holds.release(*in_force_, worker->sessions, now_, kBurst, worker->doors);
    worker->fragments.expire(*in_force_, now_, kBurst, worker->doors);
    for (Sent& one : take_sent(*worker)) sent.push_back(std::move(one));
  }
  return sent;
}

void Gateway::sweep() {
  for (const auto& worker : parts_->workers) {
    SessionTable& table = worker->table;
    Sessions& sessions = worker->sessions;
    table.sweep(now_, table.capacity(), [&](SessionHandle handle, bool expired) {
      SessionEntry& entry = table.entry(handle);
      if (!expired && session_stands(*in_force_, entry)) return SweepVerdict::kKeep;
      if (expired) {
        sessions.settle_expired(entry);
      } else {
        sessions.settle_removed(entry);
      }
      return SweepVerdict::kEnd;
    });
    sessions.make_room_for_others(now_);
  }
}

uint32_t Gateway::revalidate() {
  uint32_t ended = 0;
  for (const auto& worker : parts_->workers) {
    SessionRevalidation request;
    revalidate(worker->sessions, request);
    ended += request.ended;
  }
  return ended;
}

void Gateway::revalidate(SessionRevalidation& request) {
  revalidate(parts_->workers.front()->sessions, request);
}

void Gateway::revalidate(Sessions& sessions, SessionRevalidation& request) {
  SessionErrands errands(sessions);
  errands.revalidate(&request);
  while (errands.busy()) errands.turn(*in_force_, now_);
}

void Gateway::drain(std::string_view address, bool on) {
  const auto slot = parts_->books.addresses.find(Ipv4Address::parse(address)->value);
  parts_->shared.drains.set(static_cast<AddressSlot>(slot.value()), on);
}

void Gateway::set_neighbour(uint16_t port, std::string_view address, NeighbourState state,
                            MacAddress mac) {
  const NeighbourKey key{port, *Ipv4Address::parse(address)};
  NeighbourSlot slot = parts_->shared.neighbours.find(key);
  if (slot == kNoNeighbour) slot = parts_->next_on_link++;
  parts_->shared.neighbours.store(slot, {mac, state});
  parts_->shared.neighbours.bind(key, slot);
}

void Gateway::let_devices_tag() {
  for (PortEntry& port : snapshot_->ports) port.device_tags = true;
}

void Gateway::let_devices_judge_sums() {
  for (PortEntry& port : snapshot_->ports) port.device_sums = true;
}

void Gateway::take_no_fast_way() {
  for (PortForms& forms : snapshot_->port_forms) forms = {};
  snapshot_->limits.any_bandwidth = true;  // of nobody; but so every packet must be asked
}

void Gateway::set_link(uint16_t port, bool up) {
  const uint64_t bit = uint64_t{1} << port;
  if (up) {
    parts_->shared.ports_down.fetch_and(~bit);
  } else {
    parts_->shared.ports_down.fetch_or(bit);
  }
}

std::vector<Sent> Gateway::take_sent(Worker& worker) {
  std::vector<Sent> sent;
  for (uint16_t port = 0; port < in_force_->ports.size(); ++port) {
    const PortEntry& entry = in_force_->ports[port];
    if (entry.vlan != 0) worker.doors.tag(port, entry.vlan, entry.device_tags);
    const auto waiting = worker.doors.waiting(port);
    const auto count = static_cast<uint32_t>(waiting.size());
    for (rte_mbuf* frame : waiting) {
      const auto* at = rte_pktmbuf_mtod(frame, const uint8_t*);
      const bool by_device = (frame->ol_flags & RTE_MBUF_F_TX_VLAN) != 0;
      sent.push_back({port_names_[port], Bytes(at, at + frame->data_len),
                      by_device ? frame->vlan_tci : uint16_t{0}});
      rte_pktmbuf_free(frame);
    }
    worker.doors.sent(port, count);
  }
  return sent;
}

uint16_t Gateway::port_index(std::string_view name) const {
  for (size_t i = 0; i < port_names_.size(); ++i) {
    if (port_names_[i] == name) return static_cast<uint16_t>(i);
  }
  fail("no port " + std::string(name));
}

uint64_t Gateway::dropped(Reason reason) const {
  uint64_t sum = 0;
  for (const auto& worker : parts_->workers) {
    sum += worker->counters.drops[static_cast<size_t>(reason)].read();
  }
  return sum;
}

uint32_t Gateway::workers() const { return static_cast<uint32_t>(parts_->workers.size()); }
const Counters& Gateway::counters(uint32_t worker) const {
  return parts_->workers[worker]->counters;
}
SessionTable& Gateway::table(uint32_t worker) { return parts_->workers[worker]->table; }
const OwnerMap& Gateway::owners() const { return parts_->all.owners(); }
SharedSessions& Gateway::all_sessions() { return parts_->all; }
RuleJournal& Gateway::rules() { return parts_->workers[0]->accounts.rules; }
Sessions& Gateway::sessions() { return parts_->workers[0]->sessions; }
HoldQueue& Gateway::holds() { return parts_->workers[0]->holds; }
rte_mempool* Gateway::pool() const { return parts_->pool; }

int64_t Gateway::imbalance() const {
  int64_t sum = 0;
  for (const auto& worker : parts_->workers) {
    const Counters& c = worker->counters;
    sum += static_cast<int64_t>(c.received.read() + c.made.read() - c.forwarded.read() -
                                c.answered.read() - c.dropped.read() - c.held.read());
  }
  return sum;
}

const SessionEntry& Gateway::only_session() {
  if (parts_->all.live() != 1) fail("there is not exactly one session");
  for (const auto& worker : parts_->workers) {
    const SessionTable& table = worker->table;
    for (SessionHandle handle = 0; handle < table.capacity(); ++handle) {
      if (table.is_live(handle)) return table.entry(handle);
    }
  }
  fail("the live session is not in the table");
}

}  // namespace postern::test
