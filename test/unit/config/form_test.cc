// Every form reads what it prints, also those whose settings are refused as a whole.
#include "config/form.h"

#include <random>

#include "config/nearest.h"
#include "config/units.h"
#include "gtest/gtest.h"

namespace postern::config {
namespace {

// What libconfig would hold for a printed value: a text without escapes, or an integer.
template <typename Form>
void expect_back(const Form& form, const typename Form::Value& value) {
  const std::string text = form.print(value);
  ASSERT_FALSE(text.empty());
  Scalar scalar = int64_t{0};
  if (text.front() == '"') {
    scalar = std::string_view(text).substr(1, text.size() - 2);
  } else {
    scalar = static_cast<int64_t>(std::stoll(text));
  }
  const auto reading = form.read(scalar);
  EXPECT_EQ(reading.problem, "") << text;
  ASSERT_TRUE(reading.value.has_value()) << text;
  EXPECT_EQ(*reading.value, value) << text;
}

TEST(Form, ReadsWhatItPrints) {
  std::mt19937 random(5);
  for (int i = 0; i < 2000; ++i) {
    const auto r = static_cast<uint32_t>(random());
    expect_back(Duration{0, 0xffffffff}, r);
    expect_back(Rate{}, (uint64_t{r} << (i % 32)) + 1);
    expect_back(Rate{}, uint64_t{r} + 1 + (i % 3 == 0 ? 0 : uint64_t{1000000000}));
    expect_back(Vni{}, r & 0xffffff);
    expect_back(Mss{}, MssClamp{MssClamp::Mode::kNumber, static_cast<uint16_t>(64 + r % 60000)});
    std::vector<uint16_t> cpus;
    for (uint16_t cpu = static_cast<uint16_t>(r % 5); cpu < 60;
         cpu = static_cast<uint16_t>(cpu + 1 + random() % 2)) {
      cpus.push_back(cpu);
    }
    if (i % 2 == 0) std::swap(cpus.front(), cpus.back());
    expect_back(CpuList{1024}, cpus);
  }
  expect_back(Vni{}, std::nullopt);
  expect_back(Duration{0, 9}, 0);
  expect_back(GeneveOptions{}, {});
  expect_back(GeneveOptions{}, {1, 2, 0x80, 1, 0, 0, 0, 9, 1, 2, 3, 0});
  expect_back(Target{Target::Kind::kMetrics}, "127.0.0.1:9477");
  expect_back(Target{Target::Kind::kMetrics}, "unix:/run/postern/metrics");
  expect_back(Target{Target::Kind::kSessionLog}, "syslog");
  expect_back(Target{Target::Kind::kSessionLog}, "file:/var/log/sessions");
  expect_back(Target{Target::Kind::kSessionLog}, "ipfix:10.9.9.9:4739");
  expect_back(HostName{}, "*.example.org");
  expect_back(Name{.star = true}, "*");
}

TEST(Form, QuotesWhatLibconfigWouldMisread) {
  EXPECT_EQ(quoted("a\"b\\c\n\x7f"), "\"a\\\"b\\\\c\\x0a\\x7f\"");
}

// What messages show is cut between characters and holds nothing that JSON cannot.
TEST(Form, ShowsPrintableText) {
  const std::string many(79, 'a');
  EXPECT_EQ(shown(std::string_view(many + "\u00e4b")), "\"" + many + "\"...");
  EXPECT_EQ(shown(std::string_view("\xc3")), "\"\\xc3\"");
  EXPECT_EQ(printable("a\x1b\u00e4\xe2\x82\xac\xed\xa0\x80\n"),
            "a\\x1b\u00e4\xe2\x82\xac\\xed\\xa0\\x80\\x0a");
  const Text text{100};
  EXPECT_EQ(text.read(std::string_view("\xf5x")).problem, "\"\\xf5x\" is not UTF-8");
  EXPECT_EQ(text.read(std::string_view("\xf0\x9f\x90\xa6")).problem, "");
}

TEST(Units, Durations) {
  EXPECT_EQ(parse_duration_s("2h4m"), 7440u);
  EXPECT_EQ(parse_duration_s("300s"), 300u);
  EXPECT_EQ(parse_duration_s("1m30s"), 90u);
  EXPECT_EQ(parse_duration_s("1h1s"), 3601u);
  EXPECT_EQ(parse_duration_s("0s"), 0u);
  for (const char* bad : {"", "5", "s", "5 s", "-1s", "1s1s", "1s1m", "1.5s", "1d", "5ms", "5sec",
                          "4294967296s", "1193047h", "99999999999999999999s"}) {
    EXPECT_EQ(parse_duration_s(bad), std::nullopt) << bad;
  }
  EXPECT_EQ(duration_text(7440), "2h4m");
  EXPECT_EQ(duration_text(3601), "1h1s");
  EXPECT_EQ(duration_text(0), "0s");
}

TEST(Units, Rates) {
  EXPECT_EQ(parse_rate_bits_per_second("1Gbit"), 1'000'000'000u);
  EXPECT_EQ(parse_rate_bits_per_second("500Mbit"), 500'000'000u);
  EXPECT_EQ(parse_rate_bits_per_second("64kbit"), 64'000u);
  EXPECT_EQ(parse_rate_bits_per_second("800bit"), 800u);
  for (const char* bad : {"", "1", "bit", "0bit", "1G", "1gbit", "1 Gbit", "-1Gbit", "1.5Gbit",
                          "1Gbits", "18446745Tbit"}) {
    EXPECT_EQ(parse_rate_bits_per_second(bad), std::nullopt) << bad;
  }
  EXPECT_EQ(rate_text(1'500'000'000), "1500Mbit");
  EXPECT_EQ(rate_text(1'000'000'000'000), "1Tbit");
}

TEST(Nearest, FindsWhatWasMeant) {
  const std::string_view known[] = {"name", "device", "role", "addresses", "mtu", "gateway"};
  EXPECT_EQ(nearest("adresses", known), "addresses");
  EXPECT_EQ(nearest("gatwaey", known), "gateway");
  EXPECT_EQ(nearest("MTU", known), "mtu");
  EXPECT_EQ(nearest("nmae", known), "name");
  EXPECT_EQ(nearest("zzz", known), std::nullopt);
  EXPECT_EQ(nearest("", known), std::nullopt);
  EXPECT_EQ(nearest(std::string(1000, 'a'), known), std::nullopt);
}

TEST(Form, GeneveOptionsOverTheirRoom) {
  const GeneveOptions form;
  const std::string option = "0102801f" + std::string(2 * 124, '0');  // 128 bytes
  EXPECT_TRUE(form.read(Scalar(std::string_view(option))).value);
  const std::string two = option + option;
  const auto reading = form.read(Scalar(std::string_view(two)));
  EXPECT_FALSE(reading.value);
  EXPECT_TRUE(reading.problem.ends_with(": these are 256 bytes")) << reading.problem;
}

}  // namespace
}  // namespace postern::config
