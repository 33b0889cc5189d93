import Foundation
import Glibc
import Host
import LabModel
import LabPlan
import LabRunner
import Testing

@Suite struct `the ledger` {
    private static let folders = LabFolders(state: "/s/shop", run: "/r/shop")
    private static let machine = Machine(
        name: "db", image: "fake", cpus: 1, memory: ByteCount(bytes: 16 << 20), disks: [], commandLine: "", after: [], ready: .started,
        restart: .never)
    private static let started = StartedMachine(
        machine: machine, launch: MachineLaunch(machine: "db", memory: machine.memory, arguments: ["--name", "db"], descriptors: []))
    private static let disk = MachineDisk(
        id: "root", path: "/s/shop/machines/db/root.delta", content: .delta(base: "/c/disk.img", layer: Layer()))
    private static let process = ProcessIdentity(boot: "b", pid: 4711, startTime: 12)

    private static var entries: [LedgerRecord.Entry] {
        let opening = LedgerRecord.Opening(
            format: 1, lab: "shop", version: "0", keeper: ProcessIdentity(boot: "b", pid: 42, startTime: 7),
            inventory: HostInventory(mounts: ["proc /proc"], loopDevices: [], networkDevices: ["lo"]))
        return [
            .opened(opening), .begin(.makeFolders(folders)), .finish(begin: 2, process: nil),
            .begin(.createDisk(machine: "db", disk: disk)), .finish(begin: 4, process: nil),
            .begin(.startMachine(started)), .finish(begin: 6, process: process), .ended(machine: "db", reason: "crashed(signal 9)"),
        ]
    }

    private static func bytes() throws -> [UInt8] {
        try entries.enumerated().flatMap { try LedgerRecord(sequence: UInt64($0 + 1), at: 1_790_000_000_000, entry: $1).line() }
    }

    @Test func `reads back what was written`() throws {
        let contents = LedgerContents(try Self.bytes())
        #expect(contents.records.map(\.entry) == Self.entries && contents.damagedLines.isEmpty)
        let state = contents.state(lab: "shop")
        #expect(state.folders == .made(Self.folders))
        #expect(state.machines.map(\.name) == ["db"] && state.machines[0].disks == [SeenDisk(disk: Self.disk, isWhole: true)])
        #expect(state.machines[0].life == .ended(Self.started, reason: "crashed(signal 9)"))
        #expect(contents.machineProcesses == ["db": Self.process])
        #expect(contents.processes.map(\.pid).sorted() == [42, 4711])
    }

    @Test func `torn at any byte, it has every whole record and no damage`() throws {
        let all = try Self.bytes()
        for length in 0...all.count {
            let contents = LedgerContents(Array(all[..<length]))
            let newlines = all[..<length].count { $0 == UInt8(ascii: "\n") }
            #expect(contents.records.count == newlines && contents.damagedLines.isEmpty, "cut at \(length)")
            #expect(contents.wholeBytes <= length && (contents.wholeBytes == 0 || all[contents.wholeBytes - 1] == UInt8(ascii: "\n")))
        }
    }

    @Test func `with any byte changed, the record of it is damaged and the others are read`() throws {
        let all = try Self.bytes()
        for index in all.indices {
            for change in [UInt8(0x01), 0x80, 0x20] {
                var bytes = all
                bytes[index] ^= change
                let contents = LedgerContents(bytes)
                let isLastNewline = index == all.count - 1
                #expect(contents.records.count >= Self.entries.count - 2, "byte \(index)")
                #expect(contents.records.allSatisfy { Self.entries.contains($0.entry) }, "byte \(index): nothing invented")
                if !isLastNewline { #expect(!contents.damagedLines.isEmpty, "byte \(index): told") }
            }
        }
    }

    @Test func `an appending keeper goes on after a torn record`() throws {
        let folder = try Scratch()
        let path = folder.path + "/ledger.jsonl"
        let all = try Self.bytes()
        try Data(all.dropLast(30)).write(to: URL(filePath: path))
        let ledger = try Ledger(lab: "shop", path: path, contents: try Ledger.read(path), failpoint: nil)
        let number = try ledger.begin(.forgetMachine(machine: "db"))
        #expect(number == UInt64(Self.entries.count))
        let contents = try Ledger.read(path)
        #expect(contents.damagedLines.isEmpty && contents.records.count == Self.entries.count)
        #expect(contents.records.last?.entry == .begin(.forgetMachine(machine: "db")))
    }

    @Test func `a record that does not fit on the medium is taken back whole`() throws {
        let folder = try Scratch()
        guard let small = try folder.smallFileSystem(kibibytes: 64) else { return }
        let path = small + "/ledger.jsonl"
        let ledger = try Ledger(lab: "shop", path: path, contents: try Ledger.read(path), failpoint: nil)
        var written = 0
        #expect(throws: OSError.self) {
            for _ in 0..<1000 {
                _ = try ledger.begin(.startMachine(Self.started))
                written += 1
            }
        }
        let contents = try Ledger.read(path)
        #expect(contents.records.count == written && contents.damagedLines.isEmpty && contents.wholeBytes > 32 * 1024)
    }

    @Test func `many lives of a machine do not make it grow without end`() throws {
        let folder = try Scratch()
        let path = folder.path + "/ledger.jsonl"
        let ledger = try Ledger(lab: "shop", path: path, contents: try Ledger.read(path), failpoint: nil, compactionLength: 64 * 1024)
        guard case .opened(let opening) = Self.entries[0] else { return }
        try ledger.open(opening)
        let made = try ledger.begin(.makeFolders(Self.folders))
        try ledger.finish(made)
        let disk = try ledger.begin(.createDisk(machine: "db", disk: Self.disk))
        try ledger.finish(disk)
        for life in 0..<2000 {
            let record = try ledger.begin(.startMachine(Self.started))
            try ledger.finish(record, process: ProcessIdentity(boot: "b", pid: Int32(life + 1), startTime: 1))
            try ledger.ended("db", reason: "life \(life)")
        }
        #expect(try FileStatus(of: path).size < 128 * 1024)
        let contents = try Ledger.read(path)
        #expect(contents.damagedLines.isEmpty)
        #expect(contents.state(lab: "shop") == ledger.state)
        #expect(contents.state(lab: "shop").machines.first?.life == .ended(Self.started, reason: "life 1999"))
        #expect(contents.machineProcesses["db"]?.pid == 2000 && contents.inventory == opening.inventory)
    }

    @Test func `a failpoint is read from its text, and nothing else is one`() {
        #expect(Failpoint("before:7") == Failpoint(moment: .before, record: 7, victim: .keeper))
        #expect(Failpoint("after:12:machines") == Failpoint(moment: .after, record: 12, victim: .machines))
        for text in ["", "after", "after:", "after:x", "later:3", "after:3:everyone", "after:-1", "after:3:keeper:4"] {
            #expect(Failpoint(text) == nil, "\(text)")
        }
    }
}
