// One client of the control socket: its lines in, its answers out in the order of its requests,
// and its bounds. It owns the connected socket and the queue of answers; it decides nothing about
// other clients and executes nothing: it says when a request can be executed (and holds back
// while too much is unanswered or unread) and when it is finished. Event loop thread.
//
//   socket -> input -> take_line()        expect_answer() -> slots in order -> output -> socket
#ifndef POSTERN_CONTROL_RPC_CONNECTION_H_
#define POSTERN_CONTROL_RPC_CONNECTION_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "control/rpc/access.h"
#include "control/rpc/fd.h"
#include "control/rpc/responder.h"
#include "control/rpc/rpc_error.h"
#include "control/rpc/server.h"

struct event;

namespace postern {

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Clock = std::chrono::steady_clock;
  // Called when the connection may have become executable or finished.
  using Changed = std::function<void(Connection&)>;

  struct Terms {
    uint64_t id = 0;
    Peer peer = {};
    Rights rights = Rights::kNone;
    const RpcLimits* limits = nullptr;  // outlives the connection
    std::shared_ptr<RpcCounts> counts = nullptr;
    Changed changed = nullptr;
  };

  // Takes over the connected, non-blocking socket; nullptr where the loop has no room for it.
  static std::shared_ptr<Connection> open(event_base* loop, Fd socket, Terms terms,
                                          Clock::time_point now);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() = default;

  [[nodiscard]] uint64_t id() const { return terms_.id; }
  [[nodiscard]] const Peer& peer() const { return terms_.peer; }
  [[nodiscard]] Rights rights() const { return terms_.rights; }

  // Sends a line outside the order of answers: a greeting, an event.
  void send(std::string line);

  // The next line, with its newline, where it is whole and may be executed now; otherwise empty.
  // Valid until anything happens to the connection.
  [[nodiscard]] std::string_view executable_line() const;
  // The three steps of executing a line. First: that line without its newline.
  std::string take_line(Clock::time_point now);
  // Second: the place of its answer, behind those of all lines before it.
  Responder::Deliver expect_answer();
  // Third: goes on to the next line. Too many malformed ones in a row end the connection.
  void line_done(bool malformed);

  // Answers what is already owed, then the error, then closes.
  void cut_off(const RpcError& error);
  // Sends the error, if any, as far as the socket takes it at once, and is finished.
  void drop(const RpcError* error);
  // Nothing more to do: to be destroyed.
  [[nodiscard]] bool finished() const { return finished_; }

  // Holds the bounds in time; to be called about every second.
  void tick(Clock::time_point now);

  // When it last asked something, and whether it still waits for an answer.
  [[nodiscard]] Clock::time_point asked_at() const { return asked_at_; }
  [[nodiscard]] bool is_waiting() const { return !slots_.empty(); }

 private:
  struct Slot {
    bool done = false;
    std::string line;
  };
  struct EventFree {
    void operator()(event* e) const;
  };
  using Event = std::unique_ptr<event, EventFree>;

  Connection(Fd socket, Terms terms, Clock::time_point now);
  static void on_readable(int fd, short what, void* self);
  static void on_writable(int fd, short what, void* self);
  void read_some();
  void write_some();
  void look_for_line();
  void flush_answers();
  void watch();
  [[nodiscard]] size_t input_bytes() const { return input_.size() - input_begin_; }

  Fd socket_;
  Event readable_;  // of socket_
  Event writable_;
  Terms terms_;
  std::string input_;
  size_t input_begin_ = 0;                   // bytes before were taken
  size_t searched_bytes_ = 0;                // from there, without a newline
  size_t line_bytes_ = 0;                    // of the next line with its newline; 0: incomplete
  std::deque<std::shared_ptr<Slot>> slots_;  // requests taken whose answers are not in output_ yet
  std::deque<std::string> output_;
  size_t output_begin_ = 0;   // of the front, taken by the client
  size_t unread_bytes_ = 0;   // of output_
  int malformed_ = 0;         // lines in a row
  bool input_ended_ = false;  // the client will send nothing more
  bool closing_ = false;      // takes no further line
  bool finished_ = false;
  bool line_began_ = false;  // and is incomplete, since line_began_at_
  Clock::time_point line_began_at_;
  Clock::time_point asked_at_;
  Clock::time_point read_at_;  // when the client last took output, or had none to take
  Clock::time_point closing_since_;
};

}  // namespace postern

#endif  // POSTERN_CONTROL_RPC_CONNECTION_H_
