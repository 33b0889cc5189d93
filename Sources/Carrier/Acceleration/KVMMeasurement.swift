internal import FoundationEssentials
internal import Glibc
internal import Host

/// What `/dev/kvm` is worth on this host: `vmlab-machine --measure-kvm` opens it and counts instructions in a tiny guest.
package struct KVMMeasurement: Hashable, Sendable, Codable {
    package var kvm: Finding
    /// More about the finding, for `doctor`; may be empty.
    package var detail: String
    /// 0 where nothing ran.
    package var instructionsPerSecond: UInt64

    package enum Finding: String, Hashable, Sendable, Codable {
        case ok
        case missing
        case refused
        case error
    }

    private enum CodingKeys: String, CodingKey {
        case kvm, detail
        case instructionsPerSecond = "instructions_per_second"
    }

    package init(kvm: Finding, detail: String, instructionsPerSecond: UInt64) {
        self.kvm = kvm
        self.detail = detail
        self.instructionsPerSecond = instructionsPerSecond
    }

    /// An emulated KVM does a million or less, a carrier's some hundred million, hardware thousands of millions.
    package static let hardwareThreshold: UInt64 = 50_000_000

    /// True when machines are better started natively than in a carrier.
    package var isHardware: Bool { kvm == .ok && instructionsPerSecond >= Self.hardwareThreshold }

    /// A measurement takes milliseconds on hardware, and some seconds on the slowest emulation.
    private static let limitMilliseconds = 60_000

    // MARK: Taking it

    /// Measures, or takes over what was measured since the host booted.
    ///
    /// Only a KVM that works is remembered: whatever is wrong with one may have been mended since, and is seen at once.
    ///
    /// - Parameters:
    ///   - machine: path of `vmlab-machine`.
    ///   - folder: where to remember it, such as the run directory; made when absent, and never needed.
    package static func take(machine: String, rememberedIn folder: String? = nil) throws(CarrierError) -> KVMMeasurement {
        let memory = folder.flatMap { Memory(folder: $0) }
        if let remembered = memory?.recall() { return remembered }
        let measurement = try take(machine)
        if measurement.kvm == .ok { memory?.store(measurement) }
        return measurement
    }

    private static func take(_ machine: String) throws(CarrierError) -> KVMMeasurement {
        let answer = try ProgramAnswer.of(machine, ["--measure-kvm"], limitMilliseconds: limitMilliseconds)
        guard let measurement = KVMMeasurement(line: answer.output) else {
            throw CarrierError(.operatingSystem, "\(machine) --measure-kvm gave no measurement: it says `\(answer.output.prefix(200))`")
        }
        return measurement
    }

    /// Reads the line that `vmlab-machine --measure-kvm` prints; `nil` for anything else.
    package init?(line: String) {
        guard let value = try? JSONDecoder().decode(KVMMeasurement.self, from: Data(line.utf8)) else { return nil }
        self = value
    }

    // MARK: Remembering it

    /// One file, good for one boot of the host.
    private struct Memory {
        let folder: String
        let boot: String

        init?(folder: String) {
            guard let boot = ProcessIdentity.bootID() else { return nil }
            self.folder = folder
            self.boot = boot
        }

        private struct Entry: Codable {
            var boot: String
            var measurement: KVMMeasurement
        }

        private var path: String { folder + "/kvm.json" }

        func recall() -> KVMMeasurement? {
            guard let bytes = try? readSmallFile(path), let entry = try? JSONDecoder().decode(Entry.self, from: Data(bytes)),
                entry.boot == boot
            else { return nil }
            return entry.measurement
        }

        /// Whole or not at all; a folder that cannot be written costs another measurement.
        func store(_ measurement: KVMMeasurement) {
            guard let bytes = try? JSONEncoder().encode(Entry(boot: boot, measurement: measurement)) else { return }
            let temporary = "\(path).\(getpid())"
            // Safe because the kernel copies the paths during the calls.
            _ = unsafe mkdir(folder, 0o700)
            guard let file = try? Descriptor.open(temporary, O_WRONLY | O_CREAT | O_TRUNC), (try? file.writeAll(Array(bytes))) != nil,
                unsafe rename(temporary, path) == 0
            else {
                _ = unsafe unlink(temporary)
                return
            }
        }
    }
}
