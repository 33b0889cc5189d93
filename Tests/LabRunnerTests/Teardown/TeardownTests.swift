import Foundation
import Glibc
import Host
import LabModel
import LabPlan
import LabRunner
import TestSupport
import Testing

@Suite struct `taking down` {
    private func lab(in scratch: Scratch) throws -> LabFolders {
        let folders = LabPaths(cache: scratch.path + "/c", state: scratch.path + "/s", run: scratch.path + "/r").lab("shop")
        for folder in [folders.state, folders.consoles, folders.machines, folders.run] { try Folder.makePrivate(folder) }
        return folders
    }

    private func write(_ entries: [LedgerRecord.Entry], _ folders: LabFolders) throws {
        let bytes = try entries.enumerated().flatMap { try LedgerRecord(sequence: UInt64($0 + 1), at: 0, entry: $1).line() }
        try Data(bytes).write(to: URL(filePath: folders.ledger))
    }

    private func opening(_ keeper: ProcessIdentity, folders: LabFolders) -> LedgerRecord.Entry {
        .opened(.init(format: 1, lab: "shop", version: "0", keeper: keeper, inventory: .now(parents: [])))
    }

    /// Somebody else's process.
    private func decoy() throws -> ChildProcess {
        try ChildProcess(program: "/usr/bin/sleep", arguments: ["sleep", "60"], environment: [], inherited: [])
    }

    private func started(_ name: String) -> StartedMachine {
        let machine = Machine(
            name: name, image: "fake", cpus: 1, memory: ByteCount(bytes: 1 << 20), disks: [], commandLine: "", after: [], ready: .started,
            restart: .never)
        return StartedMachine(
            machine: machine, launch: MachineLaunch(machine: name, memory: machine.memory, arguments: [], descriptors: []))
    }

    @Test func `spares a stranger who has a recorded pid, of another start or another boot`() throws {
        let scratch = try Scratch()
        let folders = try lab(in: scratch)
        let decoy = try decoy()
        let real = decoy.identity
        let recycled = ProcessIdentity(boot: real.boot, pid: real.pid, startTime: real.startTime - 1)
        let formerBoot = ProcessIdentity(boot: "00000000-0000-0000-0000-000000000000", pid: real.pid, startTime: real.startTime)
        try write(
            [
                opening(recycled, folders: folders), .begin(.startMachine(started("db"))), .finish(begin: 2, process: recycled),
                .begin(.startMachine(started("web"))), .finish(begin: 4, process: formerBoot),
            ], folders)
        let report = try Teardown(lab: "shop", folders: folders).run(doing: "down")
        #expect(report.audit.isClean && report.failures.isEmpty, "\(report)")
        #expect(decoy.reap() == nil && real.isAlive, "the decoy lives")
        decoy.signal(SIGKILL)
        _ = try decoy.wait(limitMilliseconds: 5000)
    }

    @Test(arguments: ["ledger", "lock", "log", "lab"]) func `does not wait at a pipe that bears a file's name`(_ which: String) throws {
        let scratch = try Scratch()
        let folders = try lab(in: scratch)
        let paths = ["ledger": folders.ledger, "lock": folders.lock, "log": folders.keeperLog, "lab": folders.resolvedLab]
        let path = try #require(paths[which])
        // Safe because the path is copied during the call.
        #expect(unsafe mkfifo(path, 0o600) == 0)
        #expect(throws: OSError.self) { try readFile(path, limit: 4096) }
        let report = try Teardown(lab: "shop", folders: folders).run(doing: "down")
        #expect(report.audit.isClean && report.failures.isEmpty, "\(report)")
    }

    @Test(arguments: [true, false]) func `replaces what bears the lock's name and is none`(_ isFolder: Bool) throws {
        let scratch = try Scratch()
        let folders = try lab(in: scratch)
        let precious = scratch.path + "/precious"
        try Data("keep".utf8).write(to: URL(filePath: precious))
        if isFolder {
            try Folder.makePrivate(folders.lock + "/inside")
        } else {
            try FileManager.default.createSymbolicLink(atPath: folders.lock, withDestinationPath: precious)
        }
        let report = try Teardown(lab: "shop", folders: folders).run(doing: "down")
        #expect(report.audit.isClean && report.failures.isEmpty, "\(report)")
        #expect(try Data(contentsOf: URL(filePath: precious)) == Data("keep".utf8), "the target is untouched")
    }

    @Test func `ends a recorded process, and one that bears only the lab's mark`() throws {
        let scratch = try Scratch()
        let folders = try lab(in: scratch)
        let recorded = try decoy()
        let marked = try ChildProcess(
            program: "/usr/bin/sleep", arguments: ["sleep", "60"], environment: [ProcessTable.variable(folders)], inherited: [])
        try write(
            [
                opening(ProcessIdentity(boot: "x", pid: 1, startTime: 1), folders: folders), .begin(.startMachine(started("db"))),
                .finish(begin: 2, process: recorded.identity), .begin(.startMachine(started("web"))),
            ], folders)
        let report = try Teardown(lab: "shop", folders: folders).run(doing: "down")
        #expect(report.audit.isClean && report.failures.isEmpty, "\(report)")
        #expect(try recorded.wait(limitMilliseconds: 60_000) == .signalled(SIGTERM))
        #expect(try marked.wait(limitMilliseconds: 60_000) == .signalled(SIGTERM))
    }

    @Test func `removes nothing outside the lab's folders, whatever the ledger says`() throws {
        let scratch = try Scratch()
        let folders = try lab(in: scratch)
        let precious = scratch.path + "/precious"
        try Data("x".utf8).write(to: URL(filePath: precious))
        try FileManager.default.createSymbolicLink(atPath: folders.machines + "/link", withDestinationPath: scratch.path)
        let outside = [precious, folders.state + "/../../precious", folders.state + "x/precious"]
        let other = LabFolders(state: scratch.path, run: scratch.path)
        try write(
            [
                opening(ProcessIdentity(boot: "x", pid: 1, startTime: 1), folders: folders), .begin(.makeFolders(other)),
                .finish(begin: 2, process: nil),
            ]
                + outside.map {
                    .begin(.createDisk(machine: "db", disk: MachineDisk(id: "root", path: $0, content: .delta(base: "/b", layer: Layer()))))
                },
            folders)
        let report = try Teardown(lab: "shop", folders: folders).run(doing: "down")
        #expect(FileManager.default.fileExists(atPath: precious))
        #expect(report.failures.count == outside.count, "\(report.failures)")
    }

    @Test func `works with a ledger that is empty, garbage, a folder, a symlink, or not there`() throws {
        for kind in ["empty", "garbage", "folder", "symlink", "absent", "bits"] {
            let scratch = try Scratch()
            let folders = try lab(in: scratch)
            try Data("a log".utf8).write(to: URL(filePath: folders.consoleLog("db", stream: "serial")))
            switch kind {
            case "empty": try Data().write(to: URL(filePath: folders.ledger))
            case "garbage": try Data((0..<4096).map { UInt8(truncatingIfNeeded: $0 &* 37) }).write(to: URL(filePath: folders.ledger))
            case "folder": try FileManager.default.createDirectory(atPath: folders.ledger, withIntermediateDirectories: false)
            case "symlink": try FileManager.default.createSymbolicLink(atPath: folders.ledger, withDestinationPath: "/etc/passwd")
            case "bits":
                try write([opening(ProcessIdentity(boot: "x", pid: 1, startTime: 1), folders: folders)], folders)
                var bytes = try Data(contentsOf: URL(filePath: folders.ledger))
                bytes[40] ^= 1
                try bytes.write(to: URL(filePath: folders.ledger))
            default: break
            }
            let report = try Teardown(lab: "shop", folders: folders).run(doing: "down")
            #expect(report.audit.isClean && report.failures.isEmpty, "\(kind): \(report)")
            if kind == "garbage" || kind == "bits" { #expect(!report.damagedLines.isEmpty, "\(kind) is told") }
            #expect(!FileManager.default.fileExists(atPath: folders.state) && !FileManager.default.fileExists(atPath: folders.run))
            #expect(FileManager.default.fileExists(atPath: "/etc/passwd"))
        }
    }

    @Test func `leaves a stranger's file where it lies, and names it`() throws {
        let scratch = try Scratch()
        let folders = try lab(in: scratch)
        try Data("mine".utf8).write(to: URL(filePath: folders.state + "/notes.txt"))
        let report = try Teardown(lab: "shop", folders: folders).run(doing: "down")
        #expect(report.audit.findings.contains(Audit.Finding(.file, folders.state + "/notes.txt")), "\(report)")
        #expect(FileManager.default.fileExists(atPath: folders.state + "/notes.txt"))
    }

    @Test func `is refused while somebody has the lab`() throws {
        let scratch = try Scratch()
        let folders = try lab(in: scratch)
        let lock = try LabLock("shop", folders, doing: "up")
        #expect(throws: RunnerError.self) { _ = try Teardown(lab: "shop", folders: folders).run(doing: "down") }
        let holder = try #require(LabLock.holder(folders))
        #expect(holder.pid == getpid() && holder.doing == "up" && Timestamp(holder.since) != nil)
        _ = consume lock
    }

    @Test func `the audit names a process, a socket and a file by what they are`() throws {
        let scratch = try Scratch()
        let folders = try lab(in: scratch)
        let marked = try ChildProcess(
            program: "/usr/bin/sleep", arguments: ["sleep", "60"], environment: [ProcessTable.variable(folders)], inherited: [])
        let socket = try UnixSocket.listen(folders.controlSocket)
        let audit = Audit.run(folders, recorded: [], before: .now())
        marked.signal(SIGKILL)
        _ = try marked.wait(limitMilliseconds: 5000)
        #expect(audit.findings.contains(Audit.Finding(.process, "\(marked.pid) sleep 60")), "\(audit)")
        #expect(audit.findings.contains(Audit.Finding(.socket, folders.controlSocket)), "\(audit)")
        #expect(audit.findings.contains(Audit.Finding(.file, folders.controlSocket)), "\(audit)")
        _ = consume socket
    }

    @Test func `a process is found from the very moment of its start`() throws {
        let scratch = try Scratch()
        let folders = try lab(in: scratch)
        var missed = 0
        for _ in 0..<200 {
            let child = try ChildProcess(
                program: "/usr/bin/sleep", arguments: ["sleep", "60"], environment: [ProcessTable.variable(folders)], inherited: [])
            if !ProcessTable.processes(of: folders).contains(where: { $0.identity.pid == child.pid }) { missed += 1 }
            child.signal(SIGKILL)
            _ = try child.wait(limitMilliseconds: 5000)
        }
        #expect(missed == 0)
    }

    @Test func `the audit names a mount in the lab's folders`() throws {
        let scratch = try Scratch()
        let folders = try lab(in: scratch)
        guard try scratch.smallFileSystem(kibibytes: 64) != nil else { return }
        try FileManager.default.createDirectory(atPath: folders.state + "/mnt", withIntermediateDirectories: true)
        try #require(try Scratch.run("/usr/bin/mount", "-t", "tmpfs", "vmlab-test", folders.state + "/mnt") == 0)
        defer { _ = try? Scratch.run("/usr/bin/umount", folders.state + "/mnt") }
        let audit = Audit.run(folders, recorded: [], before: nil)
        #expect(audit.findings.contains(Audit.Finding(.mount, "vmlab-test \(folders.state)/mnt")), "\(audit.findings)")
    }
}

@Suite struct `a private folder` {
    @Test func `is made with all on the way to it, for this user alone`() throws {
        let scratch = try Scratch()
        try Folder.makePrivate(scratch.path + "/a/b/c")
        #expect(try FileStatus(of: scratch.path + "/a/b/c").permissions == 0o700)
        #expect(try FileStatus(of: scratch.path + "/a").permissions == 0o700)
        try Folder.makePrivate(scratch.path + "/a/b/c")
    }

    @Test func `is closed to others when it was open`() throws {
        let scratch = try Scratch()
        try FileManager.default.createDirectory(
            atPath: scratch.path + "/open", withIntermediateDirectories: false, attributes: [.posixPermissions: 0o777])
        try Folder.makePrivate(scratch.path + "/open")
        #expect(try FileStatus(of: scratch.path + "/open").permissions == 0o700)
    }

    @Test func `is refused when a symlink, a file or a stranger's folder is there`() throws {
        let scratch = try Scratch()
        try FileManager.default.createSymbolicLink(atPath: scratch.path + "/link", withDestinationPath: "/tmp")
        try Data().write(to: URL(filePath: scratch.path + "/file"))
        #expect(throws: OSError.self) { try Folder.makePrivate(scratch.path + "/link") }
        #expect(throws: OSError.self) { try Folder.makePrivate(scratch.path + "/file") }
        guard geteuid() == 0 else { return }
        try FileManager.default.createDirectory(atPath: scratch.path + "/theirs", withIntermediateDirectories: false)
        #expect(chown(scratch.path + "/theirs", 65534, 65534) == 0)
        #expect(throws: OSError.self) { try Folder.makePrivate(scratch.path + "/theirs") }
    }

    @Test func `is removed with all in it, and nothing that a symlink in it points at`() throws {
        let scratch = try Scratch()
        try Folder.makePrivate(scratch.path + "/a/b")
        try Data().write(to: URL(filePath: scratch.path + "/precious"))
        try FileManager.default.createSymbolicLink(atPath: scratch.path + "/a/b/link", withDestinationPath: scratch.path)
        try Folder.removeTree(scratch.path + "/a")
        #expect(!FileManager.default.fileExists(atPath: scratch.path + "/a"))
        #expect(FileManager.default.fileExists(atPath: scratch.path + "/precious"))
        try Folder.removeTree(scratch.path + "/a")
    }

    @Test func `is not emptied where a file system is mounted in it`() throws {
        let scratch = try Scratch()
        guard let small = try scratch.smallFileSystem(kibibytes: 64) else { return }
        try Data().write(to: URL(filePath: small + "/precious"))
        #expect(throws: OSError.self) { try Folder.removeTree(scratch.path) }
        #expect(FileManager.default.fileExists(atPath: small + "/precious"))
    }
}
