import Foundation
import LabRunner

/// Results in the shapes that several commands print.
enum Output {
    /// Indented, keys in order.
    static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    /// The lab's state, with the members that every document has.
    static func json(_ status: LabStatus) throws -> String {
        struct Document: Encodable {
            var apiVersion = "vmlab/v1"
            var kind = "LabStatus"
            var status: LabStatus

            private enum Key: String, CodingKey { case apiVersion, kind }

            func encode(to encoder: any Encoder) throws {
                try status.encode(to: encoder)
                var fields = encoder.container(keyedBy: Key.self)
                try fields.encode(apiVersion, forKey: .apiVersion)
                try fields.encode(kind, forKey: .kind)
            }
        }
        return try json(Document(status: status))
    }

    /// What `ps` shows.
    static func table(_ status: LabStatus, _ io: Streams) {
        guard !status.machines.isEmpty else { return }
        // A lab without networks needs no column for them.
        let hasAddresses = status.machines.contains { !($0.addresses ?? []).isEmpty }
        var table = Table(["MACHINE", "IMAGE", "STATE", "FOR", "CPUS", "MEMORY", "PID"] + (hasAddresses ? ["ADDRESS"] : []) + ["DETAIL"])
        for machine in status.machines {
            var detail = machine.detail.map(Text.plain) ?? ""
            if machine.restarts > 0 { detail += (detail.isEmpty ? "" : ", ") + "started again \(machine.restarts) times" }
            let addresses = machine.addresses ?? []
            table.add(
                [
                    machine.name, machine.image, machine.state.rawValue, machine.since.isEmpty ? "-" : Text.age(since: machine.since),
                    "\(machine.cpus)", machine.memory, machine.pid.map(String.init) ?? "-",
                ] + (hasAddresses ? [addresses.isEmpty ? "-" : addresses.joined(separator: ",")] : []) + [detail])
        }
        io.print(table.text)
    }
}
