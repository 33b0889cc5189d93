import Carrier
import Foundation
import LabModel
import Testing

@Suite struct AcceleratorTests {
    private func measured(_ kvm: KVMMeasurement.Finding, _ speed: UInt64 = 0, detail: String = "") -> KVMMeasurement {
        KVMMeasurement(kvm: kvm, detail: detail, instructionsPerSecond: speed)
    }

    @Test func `machines run where they run fast, with the reason in one line`() {
        #expect(
            Accelerator(for: measured(.ok, 3_200_000_000))
                == Accelerator(kind: .kvm, summary: "machines run on /dev/kvm (3200 million instructions a second)"))
        #expect(Accelerator(for: measured(.ok, 50_000_000)).kind == .kvm)
        #expect(Accelerator(for: measured(.ok, 49_999_999)).kind == .carrier)
        #expect(
            Accelerator(for: measured(.ok, 432_100)).summary
                == "machines run in carriers: /dev/kvm is an emulation (0.4 million instructions a second)")
        #expect(
            Accelerator(for: measured(.missing)) == Accelerator(kind: .carrier, summary: "machines run in carriers: there is no /dev/kvm"))
        #expect(Accelerator(for: measured(.refused)).summary == "machines run in carriers: /dev/kvm may not be opened")
        #expect(Accelerator(for: measured(.error, detail: "no VM")).summary == "machines run in carriers: /dev/kvm does not work (no VM)")
    }

    @Test func `a KVM that is forced and cannot be had says what to do`() {
        #expect(Accelerator.refusal(of: measured(.ok, 1)) == nil)
        #expect(Accelerator.refusal(of: measured(.missing))?.exitCode == .hostCannot)
        let refused = Accelerator.refusal(of: measured(.refused, detail: "Permission denied"))
        #expect(refused?.exitCode == .notPermitted)
        #expect(refused?.description.contains("adduser") == true)
        #expect(Accelerator.refusal(of: measured(.error))?.exitCode == .hostCannot)
    }

    @Test(arguments: [
        #"{"kvm":"ok","detail":"","instructions_per_second":-1}"#, #"{"kvm":"fine","detail":"","instructions_per_second":1}"#, "{}", "",
        "Killed",
        #"{"kvm":"ok","detail":"","instructions_per_second":1e99}"#,
    ])
    func `a line that is no measurement is none`(line: String) {
        #expect(KVMMeasurement(line: line) == nil)
    }

    @Test func `the line that the monitor prints is understood`() {
        #expect(
            KVMMeasurement(line: #"{"kvm":"refused","detail":"open /dev/kvm","instructions_per_second":0}"# + "\n")
                == measured(.refused, detail: "open /dev/kvm"))
    }

    @Test func `a good measurement is taken once, others again`() throws {
        let bench = try Bench()
        let count = bench.folder + "/count"
        func monitor(_ line: String) throws -> String {
            try bench.program("monitor", "#!/bin/sh\necho x >>\(count)\necho '\(line)'\n")
        }
        func takes() -> Int { (try? Data(contentsOf: URL(filePath: count)).count / 2) ?? 0 }
        let run = bench.folder + "/run"
        let refused = try monitor(#"{"kvm":"refused","detail":"d","instructions_per_second":0}"#)
        for _ in 0..<2 { #expect(try KVMMeasurement.take(machine: refused, rememberedIn: run).kvm == .refused) }
        #expect(takes() == 2)
        let good = try monitor(#"{"kvm":"ok","detail":"","instructions_per_second":77}"#)
        for _ in 0..<3 { #expect(try KVMMeasurement.take(machine: good, rememberedIn: run) == measured(.ok, 77)) }
        #expect(takes() == 3)
        // Another boot of the host, a file cut short: measured again.
        try Data(#"{"boot":"other","measurement":{"kvm":"ok","detail":"","instructions_per_second":1}}"#.utf8).write(
            to: URL(filePath: run + "/kvm.json"))
        #expect(try KVMMeasurement.take(machine: good, rememberedIn: run).instructionsPerSecond == 77)
        try Data("{".utf8).write(to: URL(filePath: run + "/kvm.json"))
        #expect(try KVMMeasurement.take(machine: good, rememberedIn: run).instructionsPerSecond == 77)
        #expect(takes() == 5)
        #expect(try KVMMeasurement.take(machine: good, rememberedIn: "/proc/nowhere").instructionsPerSecond == 77)
        #expect(throws: CarrierError.self) { try KVMMeasurement.take(machine: "/bin/true") }
    }

    @Test func `the real monitor measures this host`() throws {
        let measurement = try KVMMeasurement.take(machine: Bench.programs + "/vmlab-machine")
        #expect(measurement.kvm != .ok || measurement.instructionsPerSecond > 0)
    }
}
