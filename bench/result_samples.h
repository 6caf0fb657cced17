// The samples of a result of `postern-bench run`, of whatever case: each case has its own. Pure;
// any thread.
#ifndef POSTERN_BENCH_RESULT_SAMPLES_H_
#define POSTERN_BENCH_RESULT_SAMPLES_H_

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::bench {

// The figures that samples are of: TSC cycles a packet, or million packets a second.
enum class Figure : uint8_t { kNet, kTotal, kIo, kRate };
inline constexpr Figure kFigures[] = {Figure::kNet, Figure::kTotal, Figure::kIo, Figure::kRate};
[[nodiscard]] std::string_view name_of(Figure figure);   // "net"
[[nodiscard]] std::string_view words_of(Figure figure);  // "net cycles a packet"
[[nodiscard]] std::optional<Figure> figure_named(std::string_view name);
// Whether more of it is better.
[[nodiscard]] bool is_rate(Figure figure);

// What a case is about, where nobody asks for another figure.
[[nodiscard]] Figure usual_figure(std::string_view which_case);

// The samples of `figure` in `file`, in the order in which they were taken and without those that
// were disturbed, unless all count; or why there are none, in `why`.
[[nodiscard]] std::vector<double> samples_of(const nlohmann::json& file, Figure figure,
                                             std::string& why);

// What the file itself says of the figure; nothing where it does not.
[[nodiscard]] std::optional<double> said_of(const nlohmann::json& file, Figure figure);

}  // namespace postern::bench

#endif  // POSTERN_BENCH_RESULT_SAMPLES_H_
