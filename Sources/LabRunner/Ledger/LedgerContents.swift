package import Host
internal import LabModel
package import LabPlan

/// What a ledger's bytes say: what was begun and what was done, and what of it cannot be read.
///
/// Reading never fails. A torn last line is what a killed writer leaves and is no damage; anything else that is not a
/// record is counted, so that teardown can say so and look for itself as well.
package struct LedgerContents: Sendable {
    /// The whole records, in order.
    package private(set) var records: [LedgerRecord] = []
    /// 1-based numbers of lines that are not records, or before which records are missing.
    package private(set) var damagedLines: [Int] = []
    /// How many bytes at the start are whole lines: an appending keeper cuts off the rest.
    package private(set) var wholeBytes = 0

    package init(_ bytes: [UInt8]) {
        var line = 0
        var previous: UInt64 = 0
        var rest = bytes[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            line += 1
            if let record = LedgerRecord(line: rest[..<end]), record.sequence > previous {
                if record.sequence - previous > 1 && damagedLines.last != line - 1 { damagedLines.append(line) }
                previous = record.sequence
                records.append(record)
            } else {
                damagedLines.append(line)
            }
            rest = rest[(end + 1)...]
        }
        wholeBytes = rest.startIndex
    }

    /// The lab as the records tell it. Whether its processes still run is for `processes` and the kernel to say.
    package func state(lab: String) -> SeenState {
        var state = SeenState(lab: lab)
        var begun: [UInt64: Action] = [:]
        for record in records {
            switch record.entry {
            case .opened: break
            case .begin(let action):
                begun[record.sequence] = action
                state.begin(action)
            case .finish(let begin, _): if let action = begun[begin] { state.finish(action) }
            case .ended(let machine, let reason): state.end(machine, reason: reason)
            case .networkEnded(let reason): state.endNetwork(reason: reason)
            case .spawned: break
            }
        }
        return state
    }

    /// The process that each machine last became, by the machine's name.
    package var machineProcesses: [String: ProcessIdentity] {
        var machines: [UInt64: String] = [:]
        var processes: [String: ProcessIdentity] = [:]
        for record in records {
            switch record.entry {
            case .begin(.startMachine(let started)): machines[record.sequence] = started.machine.name
            case .finish(let begin, let process): if let name = machines[begin], let process { processes[name] = process }
            case .opened, .begin, .ended, .spawned, .networkEnded: break
            }
        }
        return processes
    }

    /// Every process that any record names.
    package var processes: Set<ProcessIdentity> {
        var all: Set<ProcessIdentity> = []
        for record in records {
            switch record.entry {
            case .opened(let opening): all.insert(opening.keeper)
            case .finish(_, let process): if let process { all.insert(process) }
            case .spawned(_, let process): all.insert(process)
            case .begin, .ended, .networkEnded: break
            }
        }
        return all
    }

    /// The host as it was before the first action.
    package var inventory: HostInventory? {
        for record in records {
            if case .opened(let opening) = record.entry { return opening.inventory }
        }
        return nil
    }

    /// The latest keeper's opening record.
    package var lastOpening: LedgerRecord? {
        records.last { if case .opened = $0.entry { true } else { false } }
    }

    /// The records that still matter, numbered anew, and each old number's new one.
    ///
    /// What a machine's process, or the networks', went through before its latest start no longer says anything, nor does a helper
    /// that has ended; everything else stays.
    ///
    /// - Parameter kept: records that somebody is about to finish.
    func compacted(keeping kept: Set<UInt64>) -> (records: [LedgerRecord], numbers: [UInt64: UInt64]) {
        var latestStart: [String: UInt64] = [:]
        var latestNetwork: UInt64 = 0
        var actions: [UInt64: Action] = [:]
        for record in records {
            guard case .begin(let action) = record.entry else { continue }
            actions[record.sequence] = action
            if case .startNetwork = action { latestNetwork = record.sequence }
            if case .startMachine(let started) = action { latestStart[started.machine.name] = record.sequence }
        }
        func isPast(_ action: Action, _ number: UInt64) -> Bool {
            switch action {
            case .startMachine, .awaitReady, .stopMachine, .updateMachine:
                !kept.contains(number) && number < action.machine.flatMap { latestStart[$0] } ?? 0
            case .startNetwork, .updateNetwork, .stopNetwork: !kept.contains(number) && number < latestNetwork
            case .makeFolders, .deleteFolders, .buildImage, .createDisk, .deleteDisk, .forgetMachine: false
            }
        }
        let needed = records.filter { record in
            switch record.entry {
            case .opened: true
            case .begin(let action): !isPast(action, record.sequence)
            case .finish(let begin, _): actions[begin].map { !isPast($0, begin) } ?? false
            case .ended(let machine, _): record.sequence > latestStart[machine] ?? 0
            case .networkEnded: record.sequence > latestNetwork
            case .spawned(_, let process): process.isAlive
            }
        }
        var numbers: [UInt64: UInt64] = [:]
        for (index, record) in needed.enumerated() { numbers[record.sequence] = UInt64(index + 1) }
        let fresh = needed.enumerated().map { index, record in
            var record = record
            record.sequence = UInt64(index + 1)
            if case .finish(let begin, let process) = record.entry {
                record.entry = .finish(begin: numbers[begin] ?? begin, process: process)
            }
            return record
        }
        return (fresh, numbers)
    }
}
