#include "bench/options.h"

#include <gtest/gtest.h>

#include <vector>

namespace postern::bench {
namespace {

Options accepted(std::vector<const char*> words) {
  const Parsed parsed = parse_options(words);
  if (const auto* error = std::get_if<UsageError>(&parsed)) ADD_FAILURE() << error->text;
  return std::holds_alternative<Options>(parsed) ? std::get<Options>(parsed) : Options{};
}

std::string refused(std::vector<const char*> words) {
  const Parsed parsed = parse_options(words);
  return std::holds_alternative<UsageError>(parsed) ? std::get<UsageError>(parsed).text : "";
}

TEST(BenchOptions, DefaultsAreASmallRun) {
  const Options options = accepted({"run", "nat-in"});
  EXPECT_EQ(options.which, Case::kNatIn);
  EXPECT_EQ(options.sessions, 1000u);
  EXPECT_EQ(options.frame_bytes, 64u);
  EXPECT_EQ(options.workers, 1u);
  EXPECT_EQ(options.duration_ms, 5000u);
  EXPECT_TRUE(options.json.empty());
  EXPECT_FALSE(options.cpu.has_value());
}

TEST(BenchOptions, EveryOptionIsTaken) {
  const Options options =
      accepted({"run",      "nat-out",    "--sessions", "1M",     "--size",   "1518",   "--workers",
                "1",        "--duration", "250ms",      "--json", "out.json", "--port", "net_pcap",
                "--memory", "no-huge",    "--cpu",      "3",      "--seed",   "9"});
  EXPECT_EQ(options.which, Case::kNatOut);
  EXPECT_EQ(options.sessions, 1048576u);
  EXPECT_EQ(options.frame_bytes, 1518u);
  EXPECT_EQ(options.duration_ms, 250u);
  EXPECT_EQ(options.json, "out.json");
  EXPECT_EQ(options.port.kind, PortKind::kNetPcap);
  EXPECT_EQ(options.memory, MemoryMode::kNoHuge);
  EXPECT_EQ(options.cpu, 3u);
  EXPECT_EQ(options.seed, 9u);
}

TEST(BenchOptions, SessionsHaveUnitsAndBounds) {
  EXPECT_EQ(accepted({"run", "nat-out", "--sessions", "64k"}).sessions, 65536u);
  EXPECT_EQ(accepted({"run", "nat-out", "--sessions", "16M"}).sessions, 16777216u);
  for (const char* bad : {"0", "17M", "16777217", "1g", "k", "", "-1", "1 000", "4294967297"}) {
    EXPECT_NE(refused({"run", "nat-out", "--sessions", bad}), "") << bad;
  }
}

TEST(BenchOptions, DurationsNeedAUnit) {
  EXPECT_EQ(accepted({"run", "nat-out", "--duration", "2s"}).duration_ms, 2000u);
  EXPECT_EQ(accepted({"run", "nat-out", "--duration", "3m"}).duration_ms, 180'000u);
  EXPECT_EQ(accepted({"run", "nat-out", "--duration", "1h"}).duration_ms, 3'600'000u);
  for (const char* bad : {"5", "s", "0s", "25h", "90000s", "1.5s", "1d", "-1s"}) {
    EXPECT_NE(refused({"run", "nat-out", "--duration", bad}), "") << bad;
  }
}

TEST(BenchOptions, WhatIsWrongIsNamed) {
  EXPECT_NE(refused({}).find("say \"run\""), std::string::npos);
  EXPECT_NE(refused({"walk", "nat-out"}).find("say \"run\""), std::string::npos);
  EXPECT_NE(refused({"run", "nat-up"}).find("\"nat-up\""), std::string::npos);
  EXPECT_NE(refused({"run", "nat-in", "--fast", "1"}).find("\"--fast\""), std::string::npos);
  EXPECT_NE(refused({"run", "nat-in", "--size"}).find("\"--size\""), std::string::npos);
  EXPECT_NE(refused({"run", "nat-in", "--size", "63"}).find("\"63\""), std::string::npos);
  EXPECT_NE(refused({"run", "nat-in", "--workers", "2"}).find("\"2\""), std::string::npos);
  EXPECT_NE(refused({"run", "nat-in", "--memory", "swap"}).find("\"swap\""), std::string::npos);
}

TEST(BenchOptions, WordsThatMayHaveBeenMeantAreNamed) {
  EXPECT_NE(refused({"run", "nat-uot"}).find("did you mean \"nat-out\"?"), std::string::npos);
  EXPECT_NE(refused({"run", "io", "--prot", "memory"}).find("did you mean \"--port\"?"),
            std::string::npos);
  EXPECT_NE(refused({"run", "io", "--port", "net_pcpa"}).find("did you mean \"net_pcap\"?"),
            std::string::npos);
  const std::string nowhere_near = refused({"run", "everything"});
  for (const char* name : {"io", "decap", "nat-out", "nat-in"}) {
    EXPECT_NE(nowhere_near.find(name), std::string::npos) << name;
  }
  EXPECT_NE(refused({"run", "io", "--size", "9019"}).find("64 to 9018"), std::string::npos);
}

TEST(BenchOptions, EveryCaseAndPortIsTakenByItsName) {
  for (const char* name : {"io", "decap", "nat-out", "nat-in", "mix", "imix", "new-sessions",
                           "ports-full", "reload", "expire", "scale"}) {
    EXPECT_EQ(name_of(accepted({"run", name}).which), name);
  }
  for (const char* name : {"memory", "net_ring", "net_pcap", "net_memif", "0000:3b:00.0"}) {
    EXPECT_EQ(text_of(accepted({"run", "io", "--port", name}).port), name);
  }
}

TEST(BenchOptions, OptionsThatACaseDoesNotHaveAreRefused) {
  EXPECT_NE(refused({"run", "imix", "--size", "64"}).find("leave --size out"), std::string::npos);
  EXPECT_NE(refused({"run", "new-sessions", "--port", "net_pcap"}).find("leave --port out"),
            std::string::npos);
  EXPECT_EQ(accepted({"run", "new-sessions", "--port", "memory"}).which, Case::kNewSessions);
}

TEST(BenchOptions, SessionsAreDrawnByALaw) {
  EXPECT_EQ(accepted({"run", "nat-in"}).draw, Draw::kUniform);
  EXPECT_EQ(accepted({"run", "nat-in", "--draw", "zipf"}).draw, Draw::kZipf);
  EXPECT_NE(refused({"run", "nat-in", "--draw", "normal"}).find("\"normal\""), std::string::npos);
  EXPECT_NE(refused({"run", "nat-in", "--draw", "zipf", "--port", "net_pcap"}).find("net_pcap"),
            std::string::npos);
  EXPECT_NE(refused({"run", "new-sessions", "--draw", "zipf"}).find("leave --draw out"),
            std::string::npos);
}

TEST(BenchOptions, QueuesHaveDescriptorsWherePacketsWait) {
  EXPECT_EQ(accepted({"run", "reload"}).descriptors, 4096u);
  EXPECT_EQ(accepted({"run", "expire"}).descriptors, 1024u);
  EXPECT_EQ(accepted({"run", "reload", "--descriptors", "1024"}).descriptors, 1024u);
  for (const char* bad : {"0", "32", "1000", "65536", "4k"}) {
    EXPECT_NE(refused({"run", "reload", "--descriptors", bad}).find("a power of two"),
              std::string::npos)
        << bad;
  }
  EXPECT_NE(refused({"run", "nat-out", "--descriptors", "2048"}).find("leave --descriptors out"),
            std::string::npos);
}

TEST(BenchOptions, TunnelsAreOfKinds) {
  EXPECT_EQ(accepted({"run", "nat-out"}).overlay, Overlay::kVxlan);
  EXPECT_EQ(accepted({"run", "nat-out", "--tunnel", "geneve"}).overlay, Overlay::kGeneve);
  const Options options = accepted({"run", "reload", "--tunnel", "geneve-options"});
  EXPECT_EQ(options.overlay, Overlay::kGeneveOptions);
  EXPECT_EQ(name_of(options.overlay), "geneve-options");
  EXPECT_NE(refused({"run", "nat-out", "--tunnel", "genev"}).find("did you mean \"geneve\"?"),
            std::string::npos);
  EXPECT_NE(refused({"run", "nat-out", "--tunnel", "gre"}).find("vxlan, geneve, geneve-options"),
            std::string::npos);
}

TEST(BenchOptions, OptionsMayComeFirst) {
  EXPECT_EQ(accepted({"run", "--sessions", "5", "nat-in"}).which, Case::kNatIn);
  EXPECT_NE(refused({"run", "nat-in", "nat-out"}), "");
  EXPECT_NE(refused({"run"}).find("a case"), std::string::npos);
}

TEST(BenchOptions, PciAddressesArePorts) {
  EXPECT_EQ(accepted({"run", "io", "--port", "3b:00.0"}).port.device, "0000:3b:00.0");
  EXPECT_EQ(accepted({"run", "io", "--port", "0000:3b:00.0", "--frames", "f.pcap"}).frames,
            "f.pcap");
  EXPECT_NE(refused({"run", "io", "--frames", "f.pcap"}).find("PCI address"), std::string::npos);
  EXPECT_NE(refused({"run", "mix", "--port", "3b:00.0"}).find("nat-out and nat-in"),
            std::string::npos);
  EXPECT_NE(refused({"run", "io", "--port", "net_tap0"}).find("memory, net_ring"),
            std::string::npos);
}

TEST(BenchOptions, OnlyScaleHasSeveralWorkers) {
  EXPECT_EQ(accepted({"run", "scale"}).workers, 2u);
  EXPECT_EQ(accepted({"run", "scale", "--workers", "4"}).workers, 4u);
  EXPECT_NE(refused({"run", "scale", "--workers", "1"}).find("2 to 32"), std::string::npos);
  EXPECT_NE(refused({"run", "scale", "--workers", "33"}).find("2 to 32"), std::string::npos);
  EXPECT_NE(refused({"run", "mix", "--workers", "2"}).find("the others 1"), std::string::npos);
}

TEST(BenchOptions, HelpNamesEveryOption) {
  const char* const words[] = {"run", "nat-out", "--help"};
  EXPECT_TRUE(std::holds_alternative<HelpWanted>(parse_options(words)));
  for (const char* option :
       {"--sessions", "--size", "--workers", "--duration", "--json", "--memory", "--cpu", "--seed",
        "--port", "nat-out", "nat-in", "io", "decap"}) {
    EXPECT_NE(usage().find(option), std::string::npos) << option;
  }
}

}  // namespace
}  // namespace postern::bench
