// What the rooms below control say when something of the machine or of a device is not as it must
// be, and the value-or-complaint that functions return which can fail so. Values; any thread.
#ifndef POSTERN_DATAPLANE_RUN_COMPLAINT_H_
#define POSTERN_DATAPLANE_RUN_COMPLAINT_H_

#include <string>
#include <utility>
#include <variant>

namespace postern {

// One thing that is wrong and what the operator types about it. Both are written for the terminal:
// `what` is a clause without a full stop, `advice` is a command or a sentence, possibly empty.
struct Complaint {
  std::string what;
  std::string advice;
  bool of_device = false;  // a device is not there or cannot do what is asked: exit status 3

  // "WHAT; ADVICE", one line.
  [[nodiscard]] std::string text() const { return advice.empty() ? what : what + "; " + advice; }
  bool operator==(const Complaint&) const = default;
};

// A value, or the complaint that says why there is none.
template <typename T>
class [[nodiscard]] Outcome {
 public:
  Outcome(T value) : content_(std::in_place_index<0>, std::move(value)) {}
  Outcome(Complaint complaint) : content_(std::in_place_index<1>, std::move(complaint)) {}

  [[nodiscard]] bool ok() const { return content_.index() == 0; }
  explicit operator bool() const { return ok(); }
  // Only where ok().
  T& value() & { return std::get<0>(content_); }
  T&& value() && { return std::get<0>(std::move(content_)); }
  // Only where not ok().
  [[nodiscard]] const Complaint& complaint() const { return std::get<1>(content_); }

 private:
  std::variant<T, Complaint> content_;
};

}  // namespace postern

#endif  // POSTERN_DATAPLANE_RUN_COMPLAINT_H_
