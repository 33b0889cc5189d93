package import Host
package import LabPlan

/// One line of the ledger.
///
///     {"sum":"0f3a...16 hex digits","record":{"action":{...},"at":1790000000000,"entry":"begin","seq":3}}\n
///
/// `sum` is FNV-1a 64 over the bytes between `"record":` and the last brace: a line that was torn or changed does not
/// pass for a whole one, whichever byte it was.
package struct LedgerRecord: Hashable, Sendable {
    /// 1 for the first line of a ledger, and one more each line.
    package var sequence: UInt64
    /// Milliseconds since 1970. For people only: nothing is decided by it.
    package var at: Int64
    package var entry: Entry

    package enum Entry: Hashable, Sendable {
        /// A keeper opened the ledger: the first record, and again after a keeper was lost.
        case opened(Opening)
        /// The action is about to happen. It holds all that is needed to take it back.
        case begin(Action)
        /// It has happened; `process` says which process it made.
        case finish(begin: UInt64, process: ProcessIdentity?)
        /// The machine's process ended by itself; the reason reads after the machine's name.
        case ended(machine: String, reason: String)
        /// A process came to be beside those of actions: the one behind an uplink.
        case spawned(what: String, process: ProcessIdentity)
        /// The network's process ended, by itself or not.
        case networkEnded(reason: String)
    }

    /// What a later reader must know of the keeper that wrote the records after it.
    package struct Opening: Hashable, Sendable, Codable {
        /// Readers refuse nothing newer: they undo what they understand and say so.
        package var format: Int
        package var lab: String
        package var version: String
        package var keeper: ProcessIdentity
        package var inventory: HostInventory

        package init(format: Int, lab: String, version: String, keeper: ProcessIdentity, inventory: HostInventory) {
            self.format = format
            self.lab = lab
            self.version = version
            self.keeper = keeper
            self.inventory = inventory
        }
    }

    package init(sequence: UInt64, at: Int64, entry: Entry) {
        self.sequence = sequence
        self.at = at
        self.entry = entry
    }

    /// Longer lines are damage, not records: an action holds at most a few 64 KiB scalars of the lab file.
    package static let longestLine = 1 << 20

    private static let opening = Array(#"{"sum":""#.utf8)
    private static let middle = Array(#"","record":"#.utf8)
    private static let sumDigits = 16

    /// The line, with its newline.
    package func line() throws -> [UInt8] {
        let record = Array(try JSONLine.encode(self))
        return Self.opening + Array(Self.sum(record[...]).utf8) + Self.middle + record + Array("}\n".utf8)
    }

    /// The record of a line without its newline; `nil` when the line is not a whole, unchanged record.
    package init?(line: ArraySlice<UInt8>) {
        let head = Self.opening.count + Self.sumDigits + Self.middle.count
        guard line.count > head + 1, line.count < Self.longestLine, line.last == UInt8(ascii: "}"),
            line.starts(with: Self.opening),
            line.dropFirst(Self.opening.count + Self.sumDigits).starts(with: Self.middle)
        else { return nil }
        let sum = line.dropFirst(Self.opening.count).prefix(Self.sumDigits)
        let record = line.dropFirst(head).dropLast()
        guard sum.elementsEqual(Self.sum(record).utf8), let value = try? JSONLine.decode(LedgerRecord.self, from: record) else {
            return nil
        }
        self = value
    }

    private static func sum(_ bytes: ArraySlice<UInt8>) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: sumDigits - digits.count) + digits
    }
}

extension LedgerRecord: Codable {
    private enum Kind: String, Codable {
        case opened, begin, finish, ended, spawned
        case networkEnded = "network-ended"
    }
    private enum Key: String, CodingKey { case seq, at, entry, action, begin, process, opening, machine, reason, what }

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Key.self)
        sequence = try fields.decode(UInt64.self, forKey: .seq)
        at = try fields.decode(Int64.self, forKey: .at)
        entry =
            switch try fields.decode(Kind.self, forKey: .entry) {
            case .opened: .opened(try fields.decode(Opening.self, forKey: .opening))
            case .begin: .begin(try fields.decode(Action.self, forKey: .action))
            case .finish:
                .finish(
                    begin: try fields.decode(UInt64.self, forKey: .begin),
                    process: try fields.decodeIfPresent(ProcessIdentity.self, forKey: .process))
            case .ended:
                .ended(
                    machine: try fields.decode(String.self, forKey: .machine), reason: try fields.decode(String.self, forKey: .reason))
            case .spawned:
                .spawned(
                    what: try fields.decode(String.self, forKey: .what), process: try fields.decode(ProcessIdentity.self, forKey: .process))
            case .networkEnded: .networkEnded(reason: try fields.decode(String.self, forKey: .reason))
            }
    }

    package func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: Key.self)
        try fields.encode(sequence, forKey: .seq)
        try fields.encode(at, forKey: .at)
        switch entry {
        case .opened(let opening):
            try fields.encode(Kind.opened, forKey: .entry)
            try fields.encode(opening, forKey: .opening)
        case .begin(let action):
            try fields.encode(Kind.begin, forKey: .entry)
            try fields.encode(action, forKey: .action)
        case .finish(let begin, let process):
            try fields.encode(Kind.finish, forKey: .entry)
            try fields.encode(begin, forKey: .begin)
            try fields.encodeIfPresent(process, forKey: .process)
        case .ended(let machine, let reason):
            try fields.encode(Kind.ended, forKey: .entry)
            try fields.encode(machine, forKey: .machine)
            try fields.encode(reason, forKey: .reason)
        case .spawned(let what, let process):
            try fields.encode(Kind.spawned, forKey: .entry)
            try fields.encode(what, forKey: .what)
            try fields.encode(process, forKey: .process)
        case .networkEnded(let reason):
            try fields.encode(Kind.networkEnded, forKey: .entry)
            try fields.encode(reason, forKey: .reason)
        }
    }
}
