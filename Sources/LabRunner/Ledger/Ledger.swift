internal import Glibc
package import Host
internal import LabModel
package import LabPlan

/// The lab's write-ahead record: every action is on the medium before it is done.
///
/// Only the holder of the lab's lock has one open. `state` follows the records.
package final class Ledger {
    private let path: String
    private var file: SharedDescriptor
    private var length: UInt64
    private var sequence: UInt64
    private let failpoint: Failpoint?
    private let killMachines: () -> Void
    package private(set) var state: SeenState
    private var begun: [UInt64: Action] = [:]

    /// When longer than this, the records that no longer matter are left out of a fresh copy: a machine that is started
    /// again every half minute for a year must not fill the disk.
    package static let compactionLength: UInt64 = 8 << 20

    /// Opens the ledger for writing, with what its last keeper wrote.
    ///
    /// - Parameter killMachines: what the failpoint calls to kill every machine process.
    package init(lab: String, path: String, contents: LedgerContents, failpoint: Failpoint?, killMachines: @escaping () -> Void = {})
        throws(OSError)
    {
        self.path = path
        self.failpoint = failpoint
        self.killMachines = killMachines
        let file = try Descriptor.open(path, O_RDWR | O_CREAT | O_NOFOLLOW)
        // A record that was torn goes, so that the next one starts a line.
        try file.truncate(to: UInt64(contents.wholeBytes))
        try file.synchronize()
        try Folder.synchronize(Folder.parent(of: path))
        self.file = SharedDescriptor(file)
        length = UInt64(contents.wholeBytes)
        sequence = contents.records.last?.sequence ?? 0
        state = contents.state(lab: lab)
    }

    /// Reads a ledger; an absent one has no records.
    package static func read(_ path: String) throws(OSError) -> LedgerContents {
        guard let bytes = try readIfPresent(path, limit: 1 << 30) else { return LedgerContents([]) }
        return LedgerContents(bytes)
    }

    /// The first record of a keeper.
    package func open(_ opening: LedgerRecord.Opening) throws(OSError) {
        _ = try append(.opened(opening))
    }

    /// Writes down that an action is about to happen, and returns once that is on the medium.
    package func begin(_ action: Action) throws(OSError) -> UInt64 {
        let number = try append(.begin(action))
        begun[number] = action
        state.begin(action)
        return number
    }

    package func finish(_ begin: UInt64, process: ProcessIdentity? = nil) throws(OSError) {
        _ = try append(.finish(begin: begin, process: process))
        if let action = begun.removeValue(forKey: begin) { state.finish(action) }
    }

    package func ended(_ machine: String, reason: String) throws(OSError) {
        state.end(machine, reason: reason)
        _ = try append(.ended(machine: machine, reason: reason))
    }

    // MARK: Writing

    private func append(_ entry: LedgerRecord.Entry) throws(OSError) -> UInt64 {
        let record = LedgerRecord(sequence: sequence + 1, at: Timestamp.now.milliseconds, entry: entry)
        guard let line = try? record.line() else { throw OSError(.invalidArgument, "write record \(record.sequence) of the ledger") }
        fail(.before, record.sequence)
        if failpoint == Failpoint(moment: .torn, record: record.sequence) { try? write(Array(line.prefix(line.count / 2))) }
        fail(.torn, record.sequence)
        do throws(OSError) {
            try write(line)
        } catch {
            // No half record may stand before the next one.
            try? file.with { file throws(OSError) in try file.truncate(to: length) }
            throw error
        }
        length += UInt64(line.count)
        sequence = record.sequence
        fail(.after, record.sequence)
        return record.sequence
    }

    private func write(_ bytes: [UInt8]) throws(OSError) {
        try file.with { file throws(OSError) in
            try file.write(bytes, at: length)
            try file.synchronizeData()
        }
    }

    private func fail(_ moment: Failpoint.Moment, _ record: UInt64) {
        guard let failpoint, failpoint.moment == moment, failpoint.record == record else { return }
        switch failpoint.victim {
        case .keeper: kill(getpid(), SIGKILL)
        case .machines: killMachines()
        }
    }
}
