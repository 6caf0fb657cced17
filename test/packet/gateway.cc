#include "test/packet/gateway.h"

#include <rte_eal.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "config/load.h"
#include "dataplane/run/session_errands.h"

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

SessionTableConfig table_config(const config::Model& model) {
  SessionTableConfig config;
  config.max_sessions = 4096;
  config.port_low = model.sessions.port_range->first;
  config.port_high = model.sessions.port_range->last;
  config.port_hold_s = model.sessions.port_hold_s;
  config.key = {1, 2, 3, 4};
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

rte_mbuf* exact_frame(rte_mempool* pool, const Bytes& bytes) {
  auto* buffer = new ExactBuffer{.bytes = Bytes(RTE_PKTMBUF_HEADROOM + bytes.size())};
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

}  // namespace

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

struct Gateway::Parts {
  explicit Parts(const SessionTableConfig& config)
      : memory(zeroed(SessionTable::memory_bytes(config))),
        table(config, std::span(memory.get(), SessionTable::memory_bytes(config))),
        fragment_memory(zeroed(FragmentTable::memory_bytes(kFragments))),
        fragment_table(kFragments,
                       std::span(fragment_memory.get(), FragmentTable::memory_bytes(kFragments))),
        pool(frame_pool(this)) {}
  ~Parts() {
    holds.drop_all(Reason::kShutdown, doors);
    fragments.drop_all(Reason::kShutdown, doors);
    if (rte_mempool_in_use_count(pool) != 0) fail("packet buffers leak");
    rte_mempool_free(pool);
  }

  std::unique_ptr<std::byte, AlignedFree> memory;
  SessionTable table;
  std::unique_ptr<std::byte, AlignedFree> fragment_memory;
  FragmentTable fragment_table;
  rte_mempool* pool;
  SharedTables shared{kMaxSources, kMaxNextHops + kMaxOnLink, kMaxNodes, 77};
  SessionAccounts accounts{kMaxNamespaces, kMaxAddresses};
  Counters counters;
  Sessions sessions{table, shared.source_records, accounts, counters};
  Doors doors{counters, kMaxPorts};
  HoldQueue holds;
  FragmentGatherer fragments{fragment_table, counters};
  RateLimiter answers{{.per_second = 100, .burst = 50}, {.per_second = 20000, .burst = 2000}, 5};
  RateLimiter arp_answers{
      {.per_second = 100, .burst = 100}, {.per_second = 100'000, .burst = 10'000}, 5};
  WalkContext walk{.sessions = sessions,
                   .doors = doors,
                   .tools = {.pool = pool, .limit = answers, .holds = holds, .counters = counters},
                   .fragments = fragments,
                   .arp_answers = arp_answers,
                   .heard = {}};
  Books books;
  SourceBook sources{&shared.source_records};
  NeighbourSlot next_on_link = kMaxNextHops;
};

Gateway::Gateway(const std::string& configuration)
    : parts_(std::make_unique<Parts>(table_config(model_of(configuration)))) {
  apply(configuration);
}

Gateway::Gateway(const std::string& configuration, Bare) {
  const config::Model model = model_of(configuration);
  parts_ = std::make_unique<Parts>(table_config(model));
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
  Burst burst;
  for (const Packet& packet : packets) {
    burst.frame[burst.size++] = exact_frame(parts_->pool, packet.bytes());
  }
  parts_->counters.received.add(burst.size);
  walk(*in_force_, port_index(port), burst, now_, parts_->walk);
  std::vector<Sent> sent = take_sent();
  while (parts_->fragments.has_woken()) {
    walk_woken(*in_force_, burst, now_, parts_->walk);
    for (Sent& one : take_sent()) sent.push_back(std::move(one));
  }
  return sent;
}

std::vector<Sent> Gateway::receive(std::string_view port, const Packet& packet) {
  return receive(port, std::vector<Packet>{packet});
}

std::vector<Sent> Gateway::release_held() {
  parts_->doors.set_time(now_);
  parts_->holds.release(*in_force_, parts_->sessions, now_, kBurst, parts_->doors);
  parts_->fragments.expire(*in_force_, now_, kBurst, parts_->doors);
  return take_sent();
}

void Gateway::sweep() {
  parts_->table.sweep(now_, parts_->table.capacity(), [&](SessionHandle handle, bool expired) {
    SessionEntry& entry = parts_->table.entry(handle);
    if (!expired && session_stands(*in_force_, entry)) return SweepVerdict::kKeep;
    if (expired) {
      parts_->sessions.settle_expired(entry);
    } else {
      parts_->sessions.settle_removed(entry);
    }
    return SweepVerdict::kEnd;
  });
}

uint32_t Gateway::revalidate() {
  SessionRevalidation request;
  revalidate(request);
  return request.ended;
}

void Gateway::revalidate(SessionRevalidation& request) {
  SessionErrands errands(parts_->sessions);
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

void Gateway::set_link(uint16_t port, bool up) {
  const uint64_t bit = uint64_t{1} << port;
  if (up) {
    parts_->shared.ports_down.fetch_and(~bit);
  } else {
    parts_->shared.ports_down.fetch_or(bit);
  }
}

std::vector<Sent> Gateway::take_sent() {
  std::vector<Sent> sent;
  for (uint16_t port = 0; port < parts_->doors.ports(); ++port) {
    const auto waiting = parts_->doors.waiting(port);
    const auto count = static_cast<uint32_t>(waiting.size());
    for (rte_mbuf* frame : waiting) {
      const auto* at = rte_pktmbuf_mtod(frame, const uint8_t*);
      sent.push_back({port_names_[port], Bytes(at, at + frame->data_len)});
      rte_pktmbuf_free(frame);
    }
    parts_->doors.sent(port, count);
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
  return parts_->counters.drops[static_cast<size_t>(reason)].read();
}

const Counters& Gateway::counters() const { return parts_->counters; }

RuleJournal& Gateway::rules() { return parts_->accounts.rules; }
SessionTable& Gateway::table() { return parts_->table; }
Sessions& Gateway::sessions() { return parts_->sessions; }
HoldQueue& Gateway::holds() { return parts_->holds; }
rte_mempool* Gateway::pool() const { return parts_->pool; }

int64_t Gateway::imbalance() const {
  const Counters& c = parts_->counters;
  return static_cast<int64_t>(c.received.read() + c.made.read() - c.forwarded.read() -
                              c.answered.read() - c.dropped.read() - c.held.read());
}

const SessionEntry& Gateway::only_session() {
  if (parts_->table.live() != 1) fail("there is not exactly one session");
  for (SessionHandle handle = 0; handle < parts_->table.capacity(); ++handle) {
    if (parts_->table.is_live(handle)) return parts_->table.entry(handle);
  }
  fail("the live session is not in the table");
}

}  // namespace postern::test
