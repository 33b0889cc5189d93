import Foundation
import Testing

/// What each room may import from the house; the arrows of the architecture, and no others.
private let arrows: [String: Set<String>] = [
    "LabModel": [],
    "LabFile": ["LabModel", "Processor", "CYAML"],
    "LabPlan": ["LabModel"],
    "LabGraph": ["LabModel"],
    "LabImages": ["LabModel", "Host", "CArchive", "CCrypto", "CZlib"],
    "LabRunner": ["LabModel", "LabPlan", "LabImages", "Carrier", "Host"],
    "CarrierLink": [],
    "Carrier": ["LabModel", "CarrierLink", "Host"],
    "Host": ["CLinux"],
    "PortStream": [],
    "Processor": [],
    "LabNetwork": ["LabModel", "PortStream"],
    "vmlab-network": ["LabNetwork", "LabModel", "PortStream", "Host"],
    "Devices": ["PortStream"],
    "VMM": ["Devices", "PortStream", "Processor", "Host", "CLinux"],
    "vmlab": ["LabModel", "LabFile", "LabPlan", "LabGraph", "LabImages", "LabNetwork", "LabRunner", "Carrier", "Host"],
    "vmlab-machine": ["VMM", "Devices", "Processor", "Host"],
    "vmlab-carrier-init": ["CarrierLink", "Host", "CLinux"],
    "vmlab-leash": ["Host", "CLinux"],
    "vmlab-bench": ["LabModel", "LabImages", "Host", "CLinux"],
]

private let doors: Set<String> = ["CLinux", "CYAML", "CArchive", "CCrypto", "CZlib"]

/// Rooms that end up in the static programs, and rooms that are pure values: no Foundation there.
private let withoutFoundation: Set<String> = [
    "LabModel", "LabPlan", "LabGraph", "LabNetwork", "PortStream", "Processor", "Host", "CarrierLink", "Devices", "VMM", "vmlab-network",
    "vmlab-machine",
    "vmlab-carrier-init", "vmlab-leash",
]

private func imports(of file: SourceTree.File) -> [String] {
    file.code.matches(
        of:
            #/(?m)^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:package|internal|public|private|fileprivate)\s+)?import\s+(?:(?:struct|class|enum|func|var|protocol)\s+)?(\w+)/#
    )
    .map { String($0.1) }
}

@Suite struct `the house is tidy` {
    @Test func `imports follow the arrows of the rooms`() {
        let rooms = Set(arrows.keys)
        for file in SourceTree.sources {
            guard let allowed = arrows[file.room] else {
                if !doors.contains(file.room) {
                    Issue.record("\(file.path): a room that the picture does not show")
                }
                continue
            }
            for name in imports(of: file)
            where rooms.contains(name) || doors.contains(name) {
                #expect(allowed.contains(name), "\(file.path) imports \(name)")
            }
        }
    }

    @Test func `no Foundation where it does not belong`() {
        for file in SourceTree.sources where withoutFoundation.contains(file.room) {
            #expect(!imports(of: file).contains { $0.hasPrefix("Foundation") }, "\(file.path)")
        }
    }

    @Test func `only Host opens and closes descriptors`() {
        let calls =
            #/(?:^|[^\w.])(?:Glibc\.)?(close|open|openat|creat|socket|socketpair|accept|accept4|pipe|pipe2|dup|dup2|dup3|memfd_create|eventfd|timerfd_create|epoll_create1|signalfd|posix_spawn|fork|vfork)\(/#
        for file in SourceTree.sources where file.room != "Host" {
            for (index, line) in file.code.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
                guard let call = line.firstMatch(of: calls), !line.contains("func ") else { continue }
                // A method of the file's own, or one that takes nothing: the C functions all take something.
                if file.code.contains("func \(call.1)(") || line[call.range.upperBound...].hasPrefix(")") { continue }
                Issue.record("\(file.path):\(index + 1) calls \(call.1) itself")
            }
        }
    }

    @Test func `every file is used by another`() {
        let declaration =
            #/(?m)^(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:package|internal|public|private|fileprivate|final|indirect|nonisolated|static|mutating|borrowing|consuming)\s+)*(?:struct|class|enum|protocol|actor|func|let|var|typealias)\s+`?(\w+)/#
        let member =
            #/(?m)^\s+(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:package|internal|public|static|mutating|borrowing|consuming|final|convenience)\s+)*(?:func|var|let|struct|enum|init)\s*`?(\w*)/#
        for file in SourceTree.sources where file.name != "main.swift" && !file.code.contains("@main") {
            var names = file.code.matches(of: declaration).map { String($0.1) }
            if names.isEmpty { names = file.code.matches(of: member).map { String($0.1) }.filter { !$0.isEmpty } }
            // A file of initialisers or conformances on another type speaks for that type.
            if names.isEmpty || file.code.contains(#/(?m)^extension /#) { continue }
            let used = SourceTree.sources.contains { other in
                other.path != file.path && names.contains { other.code.contains($0) }
            }
            #expect(used, "\(file.path): nothing else names \(names.joined(separator: ", "))")
        }
    }

    @Test func `a folder holds at most twelve files`() {
        let folders = Dictionary(grouping: SourceTree.sources, by: \.folder)
        for (folder, files) in folders.sorted(by: { $0.key < $1.key }) {
            // One file per command is the rule there, and there are as many as verbs.
            if folder == "Sources/vmlab/Commands" { continue }
            #expect(files.count <= 12, "\(folder) holds \(files.count)")
        }
    }

    @Test func `nothing unfinished and nothing of one machine is committed`() throws {
        let marks = ["TO" + "DO", "FIX" + "ME", "XX" + "X:", "not implemented " + "yet"]
        let paths = ["/wo" + "rk/", "/far" + "m/", "/home" + "/"]
        for path in try SourceTree.committed() where !path.hasSuffix(".elf") {
            guard let text = try? String(contentsOf: SourceTree.root.appending(path: path), encoding: .utf8) else { continue }
            for mark in marks + paths { #expect(!text.contains(mark), "\(path) holds \(mark)") }
        }
    }

    @Test func `nothing built is committed`() throws {
        for path in try SourceTree.committed() {
            #expect(
                !path.hasPrefix(".build") && !path.hasSuffix("Package.resolved") && !path.hasSuffix(".elf") && !path.hasSuffix(".img"),
                "\(path)")
        }
    }

    @Test func `the code is formatted`() throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.currentDirectoryURL = SourceTree.root
        process.arguments = ["swift", "format", "lint", "--strict", "--parallel", "-r", "Sources", "Tests", "Package.swift"]
        let output = Pipe()
        process.standardError = output
        try process.run()
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(String(decoding: bytes.prefix(4000), as: UTF8.self))")
    }
}
