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
    private let kill: (Failpoint.Victim) -> Void
    package private(set) var state: SeenState
    private var begun: [UInt64: Action] = [:]
    /// What callers call a record, and what it is called since the ledger was compacted.
    private var renumbered: [UInt64: UInt64] = [:]
    private let compactionLength: UInt64

    /// When longer than this, the records that no longer matter are left out of a fresh copy: a machine that is started
    /// again every half minute for a year must not fill the disk.
    package static let compactionLength: UInt64 = 8 << 20

    /// Opens the ledger for writing, with what its last keeper wrote.
    ///
    /// - Parameter kill: what the failpoint calls to kill processes other than this one.
    package init(
        lab: String, path: String, contents: LedgerContents, failpoint: Failpoint?, compactionLength: UInt64 = Ledger.compactionLength,
        kill: @escaping (Failpoint.Victim) -> Void = { _ in }
    ) throws(OSError) {
        self.path = path
        self.failpoint = failpoint
        self.compactionLength = compactionLength
        self.kill = kill
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
        let begin = renumbered.removeValue(forKey: begin) ?? begin
        _ = try append(.finish(begin: begin, process: process))
        if let action = begun.removeValue(forKey: begin) { state.finish(action) }
    }

    /// The action will not be finished: it is told by another record how it went.
    package func abandon(_ begin: UInt64) {
        begun[renumbered.removeValue(forKey: begin) ?? begin] = nil
    }

    package func ended(_ machine: String, reason: String) throws(OSError) {
        state.end(machine, reason: reason)
        _ = try append(.ended(machine: machine, reason: reason))
        compactIfLong()
    }

    /// The process of the networks ended.
    package func networkEnded(reason: String) throws(OSError) {
        state.endNetwork(reason: reason)
        _ = try append(.networkEnded(reason: reason))
        compactIfLong()
    }

    /// A process came to be beside those of actions.
    package func spawned(_ what: String, _ process: ProcessIdentity) throws(OSError) {
        _ = try append(.spawned(what: what, process: process))
        compactIfLong()
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
            throw OSError(error.code, "write a record to \(path)").told(needed: UInt64(line.count), at: path)
        }
        length += UInt64(line.count)
        sequence = record.sequence
        fail(.after, record.sequence)
        return record.sequence
    }

    // MARK: Compaction

    /// Replaces the ledger by a fresh one without the past lives of machines; on any error it stays as it is.
    ///
    /// Only between an entry and the next, so that nobody holds the number of a record that is being written.
    private func compactIfLong() {
        guard length > compactionLength, let contents = try? Ledger.read(path), contents.damagedLines.isEmpty else { return }
        let (records, numbers) = contents.compacted(keeping: Set(begun.keys))
        guard let lines = try? records.map({ record in try record.line() }) else { return }
        let bytes = lines.flatMap(\.self)
        // Little gained is not worth the writing.
        guard UInt64(bytes.count) < length / 2 else { return }
        let part = path + ".part"
        do throws(OSError) {
            try Folder.removeFile(part)
            let fresh = try Descriptor.open(part, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW)
            try fresh.write(bytes, at: 0)
            try fresh.synchronize()
            // Safe because the paths are copied during the call.
            guard unsafe rename(part, path) == 0 else { throw OSError.current("rename \(part)") }
            try Folder.synchronize(Folder.parent(of: path))
            file = SharedDescriptor(fresh)
        } catch {
            try? Folder.removeFile(part)
            return
        }
        length = UInt64(bytes.count)
        sequence = UInt64(records.count)
        // A number that was given out keeps its meaning, also over several compactions.
        for (old, new) in numbers where begun[old] != nil {
            let name = renumbered.first { $0.value == old }?.key ?? old
            renumbered[name] = new
        }
        begun = begun.reduce(into: [:]) { $0[numbers[$1.key] ?? $1.key] = $1.value }
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
        case .keeper: Glibc.kill(getpid(), SIGKILL)
        case .machines, .network, .uplinks: kill(failpoint.victim)
        }
    }
}
