#include "control/rpc/server.h"

#include <event2/event.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "control/rpc/connection.h"
#include "control/rpc/dispatch.h"
#include "control/rpc/fair_queue.h"
#include "control/rpc/listen_socket.h"

namespace postern {
namespace {

using Clock = Connection::Clock;

constexpr int kAcceptsPerTurn = 16;
constexpr timeval kTick{.tv_sec = 1, .tv_usec = 0};
constexpr timeval kNextTurn{.tv_sec = 0, .tv_usec = 0};
// Parsing costs about 30 ns a byte (a line of 1 MiB 30 ms), answering at least this.
constexpr uint64_t kBytesPerMicrosecond = 32;
constexpr uint64_t kLeastCost_us = 20;

struct EventFree {
  void operator()(event* e) const { event_free(e); }
};
using Event = std::unique_ptr<event, EventFree>;

// Tells a peer without rights so; he is not served a byte more.
void send_refusal(int fd) {
  const RpcError error = rpc_error(absl::PermissionDeniedError(
      "you may not use this gateway: be root, or a member of gateway.control_group or "
      "gateway.control_readers"));
  const std::string line =
      json_line({{"jsonrpc", "2.0"}, {"id", nullptr}, {"error", to_json(error)}}) + "\n";
  // A fresh socket has room; where it has none the peer goes without.
  [[maybe_unused]] const ssize_t sent =
      ::send(fd, line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace

class RpcServer::Loop {
 public:
  Loop(const MethodTable* methods, RpcServerOptions options, ListenSocket socket)
      : methods_(methods), options_(std::move(options)), socket_(std::move(socket)) {}

  // Puts the server's events on the loop.
  absl::Status attach(event_base* base) {
    base_ = base;
    accept_.reset(event_new(base, socket_.fd(), EV_READ | EV_PERSIST, on_accept, this));
    tick_.reset(event_new(base, -1, EV_PERSIST, on_tick, this));
    turn_.reset(evtimer_new(base, on_turn, this));
    if (!accept_ || !tick_ || !turn_ || event_add(accept_.get(), nullptr) != 0 ||
        event_add(tick_.get(), &kTick) != 0) {
      return absl::InternalError("control socket: no room on the event loop");
    }
    return absl::OkStatus();
  }

  void stop() {
    accept_.reset();
    tick_.reset();
    turn_.reset();
    socket_.close();
    for (auto& [id, client] : clients_) client->drop(nullptr);
    clients_.clear();
  }

  [[nodiscard]] RpcCounts counts() const { return *counts_; }
  [[nodiscard]] size_t client_count() const { return clients_.size(); }

 private:
  static void on_accept(evutil_socket_t, short, void* self) {
    static_cast<Loop*>(self)->accept_some();
  }
  static void on_tick(evutil_socket_t, short, void* self) { static_cast<Loop*>(self)->tick(); }
  static void on_turn(evutil_socket_t, short, void* self) { static_cast<Loop*>(self)->turn(); }

  void accept_some() {
    for (int i = 0; i < kAcceptsPerTurn; ++i) {
      const int fd = accept4(socket_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd >= 0) {
        admit(Fd(fd));
        continue;
      }
      const int error = errno;
      if (error == EINTR || error == ECONNABORTED) continue;
      if (error != EMFILE && error != ENFILE) return;
      // Without a descriptor to give back, waiting for the next tick is better than turning round
      // and round.
      if (clients_.empty()) event_del(accept_.get());
      make_room();
    }
  }

  void admit(Fd socket) {
    absl::StatusOr<Peer> peer = peer_of(socket.get());
    const Rights rights = peer.ok() ? rights_of(*peer, options_.access) : Rights::kNone;
    if (rights == Rights::kNone) {
      ++counts_->requests;
      ++counts_->errors;
      send_refusal(socket.get());
      return;
    }
    if (clients_.size() >= options_.limits.clients) make_room();
    const uint64_t id = ++last_id_;
    std::shared_ptr<Connection> client =
        Connection::open(base_, std::move(socket),
                         {.id = id,
                          .peer = *std::move(peer),
                          .rights = rights,
                          .limits = &options_.limits,
                          .counts = counts_,
                          .changed = [this](Connection& changed) { look_at(changed); }},
                         Clock::now());
    if (!client) return;
    clients_[id] = client;
    client->send(hello());
  }

  std::string hello() const {
    return json_line({{"jsonrpc", "2.0"},
                      {"method", "hello"},
                      {"params",
                       {{"version", options_.version},
                        {"api", 1},
                        {"pid", getpid()},
                        {"generation", options_.generation ? options_.generation() : 0}}}});
  }

  // The client that was silent longest gives way, before one that waits for its answer.
  void make_room() {
    Connection* silent = nullptr;
    for (auto& [id, client] : clients_) {
      if (silent == nullptr || std::pair(client->is_waiting(), client->asked_at()) <
                                   std::pair(silent->is_waiting(), silent->asked_at())) {
        silent = client.get();
      }
    }
    if (silent == nullptr) return;
    const RpcError error = rpc_error(absl::UnavailableError(
        "cut off: too many clients, and this one was silent longest; connect again"));
    silent->drop(&error);
    forget(silent->id());
  }

  void forget(uint64_t id) {
    queue_.forget(id);
    clients_.erase(id);
  }

  // A client changed: queue what it asks, or bury it. Never destroys: callers are its methods.
  void look_at(Connection& client) {
    if (const std::string_view line = client.executable_line(); !line.empty()) {
      queue_.enqueue(client.id(), expected_cost_us(line));
    }
    // A timer of no length, so that the loop looks at sockets between two turns.
    if ((client.finished() || !queue_.empty()) && turn_) evtimer_add(turn_.get(), &kNextTurn);
  }

  void turn() {
    const Clock::time_point end = Clock::now() + std::chrono::microseconds(options_.limits.turn_us);
    while (turn_ && !queue_.empty() && Clock::now() < end) execute_next();
    if (!turn_) return;  // a method stopped the server
    bury_finished();
    if (!queue_.empty()) evtimer_add(turn_.get(), &kNextTurn);
  }

  void execute_next() {
    const FairQueue::Turn turn = queue_.take();
    const auto found = clients_.find(turn.client);
    if (found == clients_.end()) return;
    const std::shared_ptr<Connection> client = found->second;
    const std::string_view next = client->executable_line();
    if (next.empty()) return;
    // Where the method showed its cost meanwhile, those that ask less come first after all.
    if (const uint64_t cost = expected_cost_us(next); cost > 4 * turn.expected_cost) {
      queue_.enqueue(turn.client, cost);
      return;
    }
    const Clock::time_point begin = Clock::now();
    const std::string line = client->take_line(begin);
    const Dispatched done = dispatch_line(*methods_, client->peer(), client->rights(),
                                          options_.limits.nesting, line, client->expect_answer());
    client->line_done(done.malformed);
    const uint64_t spent =
        kLeastCost_us +
        static_cast<uint64_t>(
            std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin).count());
    if (done.called != nullptr) learn_cost(done.called->name, line.size(), spent);
    if (!turn_) return;  // it stopped the server
    queue_.charge(turn.client, spent);
    look_at(*client);
  }

  [[nodiscard]] uint64_t expected_cost_us(std::string_view line) const {
    const auto method = method_cost_us_.find(probable_method(line));
    const uint64_t known = method == method_cost_us_.end() ? 0 : method->second;
    return kLeastCost_us + line.size() / kBytesPerMicrosecond + known;
  }

  // Keeps a moving average of what the method costs beyond the parsing of its line.
  void learn_cost(std::string_view method, size_t bytes, uint64_t spent_us) {
    const uint64_t parsing = bytes / kBytesPerMicrosecond;
    uint64_t& known = method_cost_us_[method];
    known = (3 * known + (spent_us > parsing ? spent_us - parsing : 0)) / 4;
  }

  void bury_finished() {
    for (auto it = clients_.begin(); it != clients_.end();) {
      const auto next = std::next(it);
      if (it->second->finished()) forget(it->first);
      it = next;
    }
  }

  void tick() {
    const Clock::time_point now = Clock::now();
    for (auto& [id, client] : clients_) client->tick(now);
    bury_finished();
    event_add(accept_.get(), nullptr);
  }

  const MethodTable* methods_;
  RpcServerOptions options_;
  ListenSocket socket_;
  event_base* base_ = nullptr;
  Event accept_;
  Event tick_;  // once a second: bounds in time
  Event turn_;  // whenever there is something to execute
  std::shared_ptr<RpcCounts> counts_ = std::make_shared<RpcCounts>();
  FairQueue queue_;
  std::map<std::string_view, uint64_t> method_cost_us_;  // by names of the table
  std::map<uint64_t, std::shared_ptr<Connection>> clients_;
  uint64_t last_id_ = 0;
};

absl::StatusOr<std::unique_ptr<RpcServer>> RpcServer::start(event_base* loop,
                                                            const MethodTable* methods,
                                                            RpcServerOptions options) {
  absl::StatusOr<ListenSocket> socket = ListenSocket::open(options.socket_path);
  if (!socket.ok()) return socket.status();
  auto served = std::make_unique<Loop>(methods, std::move(options), *std::move(socket));
  absl::Status attached = served->attach(loop);
  if (!attached.ok()) return attached;
  return std::unique_ptr<RpcServer>(new RpcServer(std::move(served)));
}

RpcServer::RpcServer(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}

RpcServer::~RpcServer() { stop(); }

void RpcServer::stop() { loop_->stop(); }

RpcCounts RpcServer::counts() const { return loop_->counts(); }

size_t RpcServer::client_count() const { return loop_->client_count(); }

}  // namespace postern
