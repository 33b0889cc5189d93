internal import FoundationEssentials
internal import Glibc
internal import Host
internal import LabModel

/// What processors guests can have: `vmlab-machine --show-cpu` says, on this host or in a carrier.
package struct ProcessorOffer: Hashable, Sendable, Codable {
    /// `GenuineIntel`, `AuthenticAMD`.
    package var maker: String
    /// What a guest with `cpu: host` is told it runs on; empty where the host does not say.
    package var name: String
    package var addressBits: Int
    /// By their names in Linux's /proc/cpuinfo.
    package var features: [String]
    /// What is missing for each model.
    package var lacks: [String: [String]]

    private enum CodingKeys: String, CodingKey {
        case maker, name, features, lacks
        case addressBits = "address_bits"
    }

    /// Reads the line that `vmlab-machine --show-cpu` prints; `nil` for anything else, such as that there are none.
    package init?(line: String) {
        guard let value = try? JSONDecoder().decode(ProcessorOffer.self, from: Data(line.utf8)) else { return nil }
        self = value
    }

    private static let question = "--show-cpu"
    private static let limitMilliseconds = 10_000

    /// Of this host's own KVM; `nil` where it gives none.
    ///
    /// - Parameter machine: path of `vmlab-machine`.
    package static func take(machine: String) throws(CarrierError) -> ProcessorOffer? {
        ProcessorOffer(line: try ProgramAnswer.of(machine, [question], limitMilliseconds: limitMilliseconds).output)
    }

    /// Of the KVM in a carrier, which is started for it and takes some seconds.
    ///
    /// - Parameter leash: path of `vmlab-leash`.
    package static func take(kit: CarrierKit, leash: String) throws(CarrierError) -> ProcessorOffer? {
        let run = CarrierRun(
            kit: kit, leash: leash, memory: ByteCount(bytes: 32 << 20), command: [CarrierRun.machine, question], folder: "/", searchPath: ""
        )
        let answer = try carrierErrors { () throws(OSError) in try Descriptor.memory(name: "answer") }
        let nothing = try carrierErrors { () throws(OSError) in try Descriptor.open("/dev/null", O_RDWR) }
        _ = try run.run(input: nothing.number, output: answer.number, errors: nothing.number)
        let text = try carrierErrors { () throws(OSError) in try answer.read(upTo: 1 << 16, at: 0) }
        return ProcessorOffer(line: String(decoding: text, as: UTF8.self))
    }
}
