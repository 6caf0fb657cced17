"""Tests of what bench/compare/run is made of, without peers: statistics, the order of trials, what
throws one away, what testpmd, Open vSwitch, Linux and postern-bench say, the table, the frames."""
import dataclasses
import json
import os
import struct
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))

import figures  # noqa: E402
import kernel  # noqa: E402
import latency  # noqa: E402
import needs  # noqa: E402
import openvswitch  # noqa: E402
import postern  # noqa: E402
import priority  # noqa: E402
import record  # noqa: E402
import rows  # noqa: E402
import steps  # noqa: E402
import testpmd  # noqa: E402
import traffic  # noqa: E402
import trials  # noqa: E402
import watch  # noqa: E402


def recorded(name):
    with open(os.path.join(HERE, "recorded", name), encoding="utf-8") as file:
        return file.read()


def trial(contestant, turn, cycles, sessions=1008, reasons=(), **more):
    return trials.Trial(contestant, sessions, turn, 0, dict(more, cycles_per_packet=cycles),
                        list(reasons), {})


class Statistics(unittest.TestCase):
    def test_median_and_interval_go_by_rank(self):
        self.assertEqual(figures.figure_of([]), None)
        self.assertEqual(figures.figure_of([3.0]), figures.Figure(3.0, 3.0, 3.0, 1))
        self.assertEqual(figures.figure_of([4, 1, 2, 3]), figures.Figure(2.5, 1, 4, 4))
        hundred = figures.figure_of(range(100))
        # Ranks 50 +- 9.8, rounded outwards.
        self.assertEqual((hundred.value, hundred.low, hundred.high), (49.5, 40, 60))

    def test_ratios_are_taken_within_a_turn(self):
        ratio = figures.ratio_of({0: 10, 1: 40, 2: 5}, {0: 5, 1: 10, 3: 1})
        self.assertEqual((ratio.value, ratio.low, ratio.high, ratio.count), (3, 2, 4, 2))
        self.assertEqual(figures.ratio_of({0: 1}, {1: 1}), None)
        self.assertEqual(figures.difference({0: 10, 1: 7}, {0: 4}), {0: 6})

    def test_spread(self):
        self.assertAlmostEqual(figures.Figure(100, 95, 105, 9).spread(), 0.05)


class ThrownAway(unittest.TestCase):
    QUIET = trials.Watched(seconds=1.0, stolen=0.0, delay_s=0.0, before=(2.5, 400),
                           after=(2.5, 400))
    USUAL = (2.5, 400)

    def reasons(self, **over):
        return trials.reasons_against(dataclasses.replace(self.QUIET, **over), self.USUAL)

    def test_a_quiet_trial_counts(self):
        self.assertEqual(self.reasons(), [])
        self.assertEqual(self.reasons(stolen=0.005, delay_s=0.002, before=(2.5, 431),
                                      after=(2.57, 439)), [])

    def test_each_cause_is_named(self):
        self.assertEqual(self.reasons(stolen=0.006), ["steal 0.6 %"])
        self.assertEqual(self.reasons(delay_s=0.003), ["switched out for 3.0 ms"])
        self.assertEqual(self.reasons(after=(2.6, 400)), ["ALU loop moved by +4.0 %"])
        self.assertEqual(self.reasons(after=(2.5, 380)), ["pointer chase moved by -5.0 %"])
        self.assertEqual(self.reasons(before=(2.5, 450), after=(2.5, 445)),
                         ["pointer chase +12.5 % off"])
        self.assertEqual(len(self.reasons(stolen=1, delay_s=1, after=(9, 999))), 4)

    def test_what_is_usual_is_the_lower_quartile_of_late(self):
        values = iter([(2.5, 400)] * 5 + [(2.5, 900)] + [(3.0, 500)] * 40)
        calibration = trials.Calibration(lambda: next(values))
        self.assertEqual(calibration.usual, (2.5, 400))
        calibration.take()
        self.assertEqual((calibration.usual, calibration.last), ((2.5, 400), (2.5, 900)))
        for _ in range(20):
            calibration.take()
        self.assertEqual(calibration.usual, (3.0, 500))

    def test_priority_of_the_session(self):
        self.assertEqual(priority.parse_session("/autogroup-300 nice -5\n"), -5)
        self.assertEqual(priority.parse_session(""), 0)

    def test_watching(self):
        line = "cpu  10 1 5 80 2 0 1 3 7 0"
        self.assertEqual(watch.parse_cpu_line(line), (3, 102))
        self.assertEqual(watch.share_stolen((3, 100), (4, 300)), 0.005)
        self.assertEqual(watch.parse_schedstat("91 2500000 7\n"), 0.0025)
        ticks = watch.cpu_ticks(1, line + "\ncpu1 1 2 3 4 5 6 7 8 9 9\n")
        self.assertEqual((ticks["user"], ticks["softirq"], ticks["steal"]), (1, 7, 8))
        with self.assertRaises(RuntimeError):
            watch.cpu_ticks(2, line)


class Turns(unittest.TestCase):
    def test_there_and_back(self):
        self.assertEqual(list(trials.order("ABC", 2)), [
            (0, "A"), (0, "B"), (0, "C"), (1, "C"), (1, "B"), (1, "A"),
            (2, "A"), (2, "B"), (2, "C"), (3, "C"), (3, "B"), (3, "A")])

    def test_repeats_up_to_the_bound(self):
        def attempt(contestant, turn, number):
            bad = contestant == "B" or (contestant == "A" and number == 0)
            return trial(contestant, turn, number, reasons=["steal"] if bad else [])
        made = trials.alternate("ABC", 1, 2, attempt)
        self.assertEqual([each.contestant for each in made], list("AABBBCCBBBAA"))
        self.assertEqual(trials.values_of(made, "A", 1008, "cycles_per_packet"),
                         ({0: 1, 1: 1}, False))

    def test_disturbed_ones_only_where_too_few_count(self):
        made = [trial("A", turn, 10 + turn, reasons=["steal"] if turn < 4 else [])
                for turn in range(7)]
        self.assertEqual(trials.values_of(made, "A", 1008, "cycles_per_packet"),
                         ({4: 14, 5: 15, 6: 16}, False))
        values, disturbed = trials.values_of(made[:6], "A", 1008, "cycles_per_packet")
        self.assertEqual((sorted(values), disturbed), ([0, 1, 2, 3, 4, 5], True))
        self.assertEqual(trials.values_of(made, "B", 1008, "cycles_per_packet"), ({}, False))


class WhatPeersSay(unittest.TestCase):
    def test_testpmd(self):
        said = testpmd.parse_statistics(recorded("testpmd.txt"))  # the last statistics count
        self.assertEqual(said["packets"], 56734464)
        self.assertAlmostEqual(said["cycles_per_packet"], 45.38, 2)
        self.assertAlmostEqual(said["packets_per_second"] / 1e6, 57.29, 2)
        self.assertEqual(testpmd.parse_statistics("testpmd> "), None)
        self.assertEqual(testpmd.parse_statistics(
            "CPU cycles/packet=0 (total cycles=0 / total io packets=0) at 2600 MHz Clock"), None)
        self.assertTrue(testpmd.in_order("a stop Done. testpmd> ", ("Done.", "testpmd> ")))
        self.assertFalse(testpmd.in_order("testpmd> stop Done.", ("Done.", "testpmd> ")))

    def test_openvswitch(self):
        said = openvswitch.parse_statistics(recorded("pmd-stats-show.txt"))
        self.assertEqual((said["packets"], said["upcalls"]), (3051456, 7))
        self.assertAlmostEqual(said["cycles_per_packet"], 866.41, 2)
        self.assertAlmostEqual(said["idle"], 0.01, 4)
        self.assertEqual(openvswitch.parse_statistics("main thread:\n  packets received: 12\n"),
                         None)

    def test_linux(self):
        link = json.dumps([{"stats64": {"tx": {"packets": 90, "dropped": 10}}}])
        self.assertEqual(kernel.parse_link(link), 100)
        idle = dict.fromkeys(("user", "nice", "system", "idle", "iowait", "irq", "softirq",
                              "steal"), 0)

        def said(**ticks):
            return kernel.figures_of(1000, 1.0, idle, dict(idle, **ticks), 2e9)
        self.assertAlmostEqual(said(softirq=98, idle=2)["cycles_per_packet"], 2e6)  # saturated
        self.assertAlmostEqual(said(softirq=50, idle=50)["cycles_per_packet"], 1e6)
        self.assertAlmostEqual(said(softirq=60, user=40)["cycles_per_packet"], 1.2e6)
        self.assertEqual(kernel.reasons_against(said(softirq=90, user=10)),
                         ["other programs had 10 % of its CPU"])
        self.assertEqual(kernel.reasons_against(said(softirq=98, user=2)), [])
        self.assertEqual(kernel.figures_of(0, 1.0, idle, dict(idle, softirq=9), 2e9), None)

    def test_postern(self):
        text = json.dumps({"cycles_per_packet": 120.5, "net_cycles_per_packet": 90,
                           "io_cycles_per_packet": 30.5, "packets_per_second": 2e7,
                           "packets": 5, "disturbed": True, "environment": {"dpdk": "22"}})
        said, reasons, where = postern.parse_result(text)
        self.assertEqual((said["cycles_per_packet"], said["packets"]), (120.5, 5))
        self.assertNotIn("disturbed", said)
        text = json.dumps({"lost_during": 9, "lost_during_waiting": 7})
        self.assertEqual(postern.parse_result(text)[1],
                         ["lost 7 frames while it waited for its CPU"])
        text = json.dumps({"lost_during": 9, "lost_during_waiting": 7, "lost_by_the_change": 0})
        self.assertEqual(postern.parse_result(text)[1], [])
        self.assertEqual((reasons, where), (["disturbed by its own account"], {"dpdk": "22"}))

    def test_latency_probe(self):
        said = latency.parse_probe('{"sent": 2000, "received": 1999, "p999_ns": 7}\n')
        self.assertEqual(said["p999_ns"], 7)
        self.assertEqual(latency.parse_probe('{"sent": 2000, "received": 9}'), None)

    def test_configuration_has_every_pod(self):
        setting = steps.Setting("bin", 0, 1, True, 1, "net_pcap")
        text = latency.configuration("folder", setting, "socket=a", "socket=b")
        self.assertEqual(text.count('"10.128.'), 1000 + 10)  # pods, and a prefix a node
        self.assertIn('net_memif1,socket=b', text)

    def test_missing_packages_are_named_once(self):
        there = {"stdbuf", "ip", "setpriv"}
        self.assertEqual(needs.missing(["testpmd", "linux"], there.__contains__),
                         ["dpdk-dev", "ethtool", "nftables"])
        self.assertEqual(needs.missing(["postern"], there.__contains__), [])
        self.assertEqual(needs.apt_command(["a", "b"]),
                         "apt-get install --no-install-recommends a b")


class Table(unittest.TestCase):
    """Plain figures: postern 130 with io 30, Open vSwitch 830, and 1,030 where it commits."""

    def setUp(self):
        cycles = {"testpmd-io": 30, "testpmd-io-plain": 30, "testpmd-5tswap": 52,
                  "postern-nat-out": 130, "postern-nat-in": 90, "ovs-dpdk": 1030,
                  "ovs-dpdk-marked": 830, "linux-nft": 1000}
        self.trials = [trial(name, turn, value, packets_per_second=1.0) for turn in range(8)
                       for name, value in cycles.items()]

    def row(self, number, what=""):
        found = [row for row in rows.as_json(rows.Measured(self.trials))
                 if row["row"] == number and what in row["figure"]]
        return found[0]["got"], found[0]["verdict"]

    def test_rows(self):
        self.assertEqual(self.row("1"), (100, "MISSED"))
        self.assertEqual(self.row("2"), (60, "target"))
        self.assertEqual(self.row("3"), (None, "not measured"))
        self.assertEqual(self.row("11"), (40, "must"))
        self.assertEqual(self.row("12", "1 k"), (8, "target"))
        self.assertEqual(self.row("12", "64 k"), (None, "not measured"))
        self.assertEqual(self.row("12u", "1 k"), (10, "for comparison"))
        self.assertAlmostEqual(self.row("13", "1 k")[0], 1000 / 130)
        self.assertEqual(self.row("13", "1 k")[1], "MISSED")

    def test_a_disturbed_row_decides_nothing(self):
        for each in self.trials:
            if each.contestant == "testpmd-5tswap":
                each.reasons.append("steal 3 %")
        self.assertEqual(self.row("11"), (40, "disturbed"))
        self.assertEqual(self.row("1"), (100, "MISSED"))

    def test_what_only_postern_does_is_read_by_key(self):
        self.trials += [trial("postern-new-sessions", turn, 900, sessions=rows.STEPS["1 M"],
                              first_to_established=2.5, new_sessions_millions=4)
                        for turn in range(4)]
        self.trials += [trial("postern-ports-full", 0, 600, sessions=1000, refused_while_free=0.0)]
        self.assertEqual(self.row("6"), (2.5, "must"))
        self.assertEqual(self.row("7"), (4, "MISSED"))
        self.assertEqual(self.row("8"), (0, "target"))
        self.assertEqual(self.row("9"), (None, "not measured"))
        self.trials += [trial("postern-" + case, turn, 99, rows.STEPS["1 M"], **{key: value})
                        for turn in range(3) for case, key, value in (
                            ("reload", "lost_by_the_change", 0),
                            ("reload", "rate_during_to_before", 0.95),
                            ("scale", "steered_to_one", 1.8), ("expire", "expiring_to_quiet", 1.5))]
        self.assertEqual(self.row("14"), (0, "target"))
        self.assertEqual(self.row("16", "steer"), (1.8, "must"))
        self.assertEqual(self.row("18"), (1.5, "reported"))

    def test_counts_of_the_hot_path(self):
        said = postern.parse_counts("""of 100352 packets of a case, and step by step:
case     system calls  allocations  locked  locked in libraries  instructions/packet
nat-out             0            1       0                    2                527.7
first               3            0       0                    0               2389.9
""")
        self.assertEqual(said, 6)
        self.assertEqual(postern.parse_counts("nothing here\n"), None)
        self.assertEqual(self.row("19"), (None, "not measured"))
        self.trials += [trials.Trial(rows.HOT_PATH, 0, turn, 0, {"calls_allocations_locks": 0},
                                     ["steal 3 %"], {}) for turn in range(4)]
        self.assertEqual(self.row("19"), (0, "target"))

    def test_latency(self):
        for turn in range(6):
            for name, p999 in (("postern-memif", 90), ("testpmd-macswap-memif", 60)):
                self.trials.append(trials.Trial(name, 1000, turn, 0, {"p999_ns": p999}, [], {}))
        self.assertEqual(self.row("17"), (1.5, "target"))
        for each in self.trials:
            if each.contestant == "postern-memif":
                each.figures["p999_ns"] = 300
        self.assertEqual(self.row("17"), (5, "reported"))
        peers = [peer["name"] for peer in record.peers_of(self.trials, rows.Measured(self.trials))]
        self.assertNotIn("postern-memif", peers)

    def test_a_wide_row_says_so(self):
        for each in self.trials:
            if each.contestant == "postern-nat-in":
                each.figures["cycles_per_packet"] += 5 * each.turn
        self.assertIn("wide", self.row("2")[1])

    def test_without_testpmd_postern_speaks_for_itself(self):
        self.trials = [trial("postern-nat-out", 0, 130, net_cycles_per_packet=77)]
        self.assertEqual(self.row("1"), (77, "must"))

    def test_on_another_port_postern_speaks_for_itself(self):
        for each in self.trials:
            if each.contestant == "postern-nat-out":
                each.figures.update(port="memory", net_cycles_per_packet=55)
        self.assertEqual(self.row("1"), (55, "target"))

    def test_lines_align(self):
        lines = list(rows.lines_of(rows.Measured(self.trials)))
        self.assertEqual(len(lines), len(rows.ROWS) + 1)
        self.assertEqual(len({line.index(word) for line, word in zip(
            lines, ("got", "100", "60"))}), 1)

    def test_json(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "a.json")
            record.write(path, self.trials, rows.Measured(self.trials), {"cpu": "any"}, False)
            with open(path, encoding="utf-8") as file:
                result = json.load(file)
        self.assertEqual(len(result["trials"]), 8 * 8)
        self.assertTrue(result["trials"][0]["counts"])
        peers = {peer["name"]: peer for peer in result["peers"]}
        self.assertEqual({key: peers["ovs-dpdk-marked"][key] for key in (
            "case", "port", "sessions", "cycles_per_packet", "net_cycles_per_packet",
            "interval")}, {"case": "snat", "port": "net_pcap", "sessions": 1008,
                           "cycles_per_packet": 830, "net_cycles_per_packet": 800,
                           "interval": [800, 800]})
        self.assertEqual(peers["linux-nft"]["net_cycles_per_packet"], None)
        self.assertEqual(peers["testpmd-5tswap"]["case"], "5tswap")
        self.assertEqual(result["environment"], {"cpu": "any"})


class Frames(unittest.TestCase):
    def test_frames_are_right(self):
        frame = next(traffic.frames(1008, True))
        self.assertEqual(len(frame), traffic.frame_bytes(True))
        outer, inner = frame[14:34], frame[64:84]
        for header in (outer, inner):
            self.assertEqual(traffic.folded(traffic.sum_of(header)), 0)
        pseudo = inner[12:20] + struct.pack("!2H", 17, traffic.UDP_BYTES)
        self.assertEqual(traffic.folded(traffic.sum_of(pseudo + frame[84:])), 0)
        self.assertEqual(frame[42:50], bytes((8, 0, 0, 0, 0, 0, 100, 0)))
        self.assertEqual(next(traffic.frames(1008, False)), frame[50:])

    def test_every_session_is_another_flow(self):
        self.assertEqual(len({frame[26:38] for frame in traffic.frames(9000, False)}), 9000)

    def test_conversations_are_those_of_postern_bench(self):
        # bench/conversation.h: number 12345 among 1,000 pods.
        self.assertEqual(traffic.conversation(1000, 12345)[:3],
                         (3, 0x0A800000 + (3 << 8) + 46, 1024 + 12))
        self.assertEqual(traffic.conversation(1000, 0)[3], 0xC6120000)

    def test_file(self):
        with tempfile.TemporaryDirectory() as folder:
            paths = [os.path.join(folder, name) for name in "ab"]
            for path in paths:
                self.assertEqual(traffic.write_pcap(path, 100, False, 3, seed=7), 300)
            with open(paths[0], "rb") as one, open(paths[1], "rb") as other:
                data = one.read()
                self.assertEqual(data, other.read())
        record_bytes = 16 + traffic.frame_bytes(False)
        self.assertEqual(len(data), 24 + 300 * record_bytes)
        records = [data[at:at + record_bytes] for at in range(24, len(data), record_bytes)]
        self.assertEqual(len(set(records[:100])), 100)
        self.assertEqual(set(records[:100]), set(records[100:200]))
        self.assertNotEqual(records[:100], records[100:200])


if __name__ == "__main__":
    unittest.main()
