#include "control/rpc/connection.h"

#include <event2/event.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <utility>

namespace postern {
namespace {

constexpr size_t kReadBytes = size_t{64} << 10;  // of one client in one turn of the loop
// Once cut off, for a client that does not read its last lines or waits for a late answer.
constexpr std::chrono::seconds kFarewell{2};

std::string error_line(const RpcError& error) {
  return json_line({{"jsonrpc", "2.0"}, {"id", nullptr}, {"error", to_json(error)}});
}

RpcError exhausted(std::string message) {
  return rpc_error(absl::ResourceExhaustedError(std::move(message)));
}

}  // namespace

void Connection::EventFree::operator()(event* e) const { event_free(e); }

std::shared_ptr<Connection> Connection::open(event_base* loop, Fd socket, Terms terms,
                                             Clock::time_point now) {
  const int fd = socket.get();
  std::shared_ptr<Connection> made(new Connection(std::move(socket), std::move(terms), now));
  made->readable_.reset(event_new(loop, fd, EV_READ | EV_PERSIST, on_readable, made.get()));
  made->writable_.reset(event_new(loop, fd, EV_WRITE | EV_PERSIST, on_writable, made.get()));
  if (!made->readable_ || !made->writable_) return nullptr;
  made->watch();
  return made;
}

Connection::Connection(Fd socket, Terms terms, Clock::time_point now)
    : socket_(std::move(socket)), terms_(std::move(terms)), asked_at_(now), read_at_(now) {}

void Connection::on_readable(int, short, void* self) {
  auto* connection = static_cast<Connection*>(self);
  connection->read_some();
  connection->watch();
  connection->terms_.changed(*connection);
}

void Connection::on_writable(int, short, void* self) {
  auto* connection = static_cast<Connection*>(self);
  connection->write_some();
  connection->watch();
  connection->terms_.changed(*connection);
}

void Connection::read_some() {
  if (input_begin_ > 0) {
    input_.erase(0, input_begin_);
    input_begin_ = 0;
  }
  const size_t had = input_.size();
  const size_t room = std::min(
      kReadBytes, terms_.limits->line_bytes + 1 - std::min(had, terms_.limits->line_bytes));
  input_.resize(had + room);
  const ssize_t got = recv(socket_.get(), input_.data() + had, room, 0);
  const int error = errno;
  input_.resize(had + static_cast<size_t>(std::max<ssize_t>(got, 0)));
  if (got < 0 && (error == EAGAIN || error == EINTR)) return;
  if (got < 0) finished_ = true;  // nobody is there any more
  if (got == 0) input_ended_ = true;
  look_for_line();
}

void Connection::write_some() {
  while (!output_.empty()) {
    const std::string& front = output_.front();
    const ssize_t sent = ::send(socket_.get(), front.data() + output_begin_,
                                front.size() - output_begin_, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) {
      if (errno != EAGAIN) finished_ = true;
      return;
    }
    read_at_ = Clock::now();
    unread_bytes_ -= static_cast<size_t>(sent);
    output_begin_ += static_cast<size_t>(sent);
    if (output_begin_ < front.size()) continue;
    output_.pop_front();
    output_begin_ = 0;
  }
}

// What the loop has to look for; and the end, where nothing will come any more.
void Connection::watch() {
  if (slots_.empty() && output_.empty() && (closing_ || (input_ended_ && input_bytes() == 0))) {
    finished_ = true;
  }
  // With a whole line at hand no more is read than it takes to look ahead.
  const bool wants_input =
      !closing_ && !input_ended_ && !finished_ && (line_bytes_ == 0 || input_bytes() < kReadBytes);
  const bool has_output = !output_.empty() && !finished_;
  wants_input ? event_add(readable_.get(), nullptr) : event_del(readable_.get());
  has_output ? event_add(writable_.get(), nullptr) : event_del(writable_.get());
}

void Connection::send(std::string line) {
  if (finished_) return;
  if (output_.empty()) read_at_ = Clock::now();
  line.push_back('\n');
  unread_bytes_ += line.size();
  output_.push_back(std::move(line));
  if (output_.size() == 1) write_some();
  if (unread_bytes_ > terms_.limits->output_bytes) {
    finished_ = true;  // it does not read: it would not read a farewell either
    ++terms_.counts->errors;
  }
  watch();
}

std::string_view Connection::executable_line() const {
  const bool held_back =
      slots_.size() >= terms_.limits->unanswered || unread_bytes_ > terms_.limits->pause_bytes;
  if (closing_ || finished_ || held_back) return {};
  return std::string_view(input_).substr(input_begin_, line_bytes_);
}

std::string Connection::take_line(Clock::time_point now) {
  std::string line = input_.substr(input_begin_, line_bytes_);
  input_begin_ += line_bytes_;
  if (input_begin_ == input_.size()) {
    std::string().swap(input_);  // a large line's room is not kept
    input_begin_ = 0;
  }
  if (line.ends_with('\n')) line.pop_back();
  line_bytes_ = 0;
  asked_at_ = now;
  return line;
}

// Finds the end of the next line and of those that will never have one.
void Connection::look_for_line() {
  if (line_bytes_ != 0 || closing_) return;
  const size_t end = input_.find('\n', input_begin_ + searched_bytes_);
  if (end != std::string::npos || (input_ended_ && input_bytes() > 0)) {
    // At the end of the input a line may lack its newline, or be cut in the middle.
    line_bytes_ = end != std::string::npos ? end + 1 - input_begin_ : input_bytes();
    searched_bytes_ = 0;
    line_began_ = false;
    return;
  }
  searched_bytes_ = input_bytes();
  if (searched_bytes_ > terms_.limits->line_bytes) {
    ++terms_.counts->requests;
    cut_off({.code = kRpcInvalidRequest,
             .message = "a request has at most " + std::to_string(terms_.limits->line_bytes) +
                        " bytes; a large configuration goes by its path"});
    return;
  }
  if (searched_bytes_ > 0 && !line_began_) {
    line_began_ = true;
    line_began_at_ = Clock::now();
  }
}

Responder::Deliver Connection::expect_answer() {
  ++terms_.counts->requests;
  auto slot = std::make_shared<Slot>();
  slots_.push_back(slot);
  return [slot, counts = terms_.counts, weak = weak_from_this()](std::string line, bool is_error) {
    if (is_error) ++counts->errors;
    slot->done = true;
    slot->line = std::move(line);
    const std::shared_ptr<Connection> connection = weak.lock();
    if (!connection) return;
    connection->flush_answers();
    connection->terms_.changed(*connection);
  };
}

void Connection::line_done(bool malformed) {
  malformed_ = malformed ? malformed_ + 1 : 0;
  if (malformed_ >= terms_.limits->malformed_lines) {
    cut_off(
        {.code = kRpcInvalidRequest,
         .message = "cut off: " + std::to_string(malformed_) + " lines in a row were no requests"});
  }
  look_for_line();
  watch();
}

void Connection::flush_answers() {
  while (!slots_.empty() && slots_.front()->done) {
    if (!slots_.front()->line.empty()) send(std::move(slots_.front()->line));
    slots_.pop_front();
  }
  watch();
}

void Connection::cut_off(const RpcError& error) {
  if (closing_ || finished_) return;
  ++terms_.counts->errors;
  closing_ = true;
  closing_since_ = Clock::now();
  auto slot = std::make_shared<Slot>();
  slot->done = true;
  slot->line = error_line(error);
  slots_.push_back(std::move(slot));
  flush_answers();
}

void Connection::drop(const RpcError* error) {
  if (error != nullptr && !finished_) {
    ++terms_.counts->errors;
    send(error_line(*error));
  }
  finished_ = true;
  watch();
}

void Connection::tick(Clock::time_point now) {
  const RpcLimits& limits = *terms_.limits;
  if (closing_) {
    if (now - closing_since_ > kFarewell) finished_ = true;
  } else if (!output_.empty() && now - read_at_ > std::chrono::seconds(limits.unread_s)) {
    ++terms_.counts->errors;
    finished_ = true;
  } else if (line_began_ && now - line_began_at_ > std::chrono::seconds(limits.line_s)) {
    cut_off(
        exhausted("cut off: a line must be whole within " + std::to_string(limits.line_s) + " s"));
  } else if (slots_.empty() && now - asked_at_ > std::chrono::seconds(limits.silent_s)) {
    cut_off(exhausted("cut off: nothing was asked for " + std::to_string(limits.silent_s) + " s"));
  }
  watch();
  if (finished_) terms_.changed(*this);
}

}  // namespace postern
