internal import CarrierLink
internal import Glibc
internal import Host

/// The files that a program takes with it into a carrier, each at the path it has on this host, so that what names it goes on working.
struct Luggage {
    private(set) var contents: [CarriedProgram.Content] = []
    private(set) var links: [HostMessage] = []
    /// The folders of the executables, in the order they came in.
    private(set) var programFolders: [String] = []
    private var seen: Set<String> = []
    private var total: UInt64 = 0

    /// Everything lies in the carrier's memory.
    private static let longest: UInt64 = 4 << 30
    private static let mostFiles = 20_000
    /// As in Linux.
    private static let mostLinks = 40
    /// Listing a program's libraries runs its loader, which is quick.
    private static let listLimitMilliseconds = 10_000

    var size: UInt64 { total }

    /// Takes a file, with the libraries and the interpreter it needs, or a folder with everything in it; by an absolute path.
    mutating func take(_ path: String) throws(CarrierError) {
        let path = try follow(path)
        let status = try carrierErrors(.inputMissing) { () throws(OSError) in try FileStatus(of: path) }
        guard status.kind == .directory else { return try takeFile(path) }
        for name in try Self.list(path) { try take(path == "/" ? "/" + name : "\(path)/\(name)") }
    }

    /// Where a path leads to, every symbolic link on the way taken along.
    private mutating func follow(_ path: String) throws(CarrierError) -> String {
        var done = ""
        var rest = path.split(separator: "/")
        var steps = 0
        while !rest.isEmpty {
            let part = rest.removeFirst()
            if part == "." { continue }
            if part == ".." {
                done = String(done[..<(done.lastIndex(of: "/") ?? done.startIndex)])
                continue
            }
            let next = "\(done)/\(part)"
            let target = try carrierErrors(.inputMissing) { () throws(OSError) -> String? in
                try FileStatus(of: next).kind == .symlink ? try Programs.readLink(next) : nil
            }
            guard let target else {
                done = next
                continue
            }
            steps += 1
            guard steps <= Self.mostLinks else { throw CarrierError(.inputMissing, "\(path) leads through too many symbolic links") }
            if seen.insert(next).inserted { links.append(.link(path: next, target: target)) }
            if target.hasPrefix("/") { done = "" }
            rest = target.split(separator: "/") + rest
        }
        return done.isEmpty ? "/" : done
    }

    private mutating func takeFile(_ path: String) throws(CarrierError) {
        guard seen.insert(path).inserted else { return }
        let (file, status, interpreter) = try carrierErrors(.inputMissing) { () throws(OSError) in
            // A pipe or a device is refused below, and must neither wait for a writer nor act.
            let file = try Descriptor.open(path, O_RDONLY | O_NONBLOCK)
            let status = try file.status()
            let interpreter = status.kind == .regular && status.permissions & 0o111 != 0 ? try Interpreter(of: file) : .none
            return (SharedDescriptor(file), status, interpreter)
        }
        guard status.kind == .regular else { throw CarrierError(.inputMissing, "\(path) is neither a file nor a folder") }
        total += status.size
        guard total <= Self.longest, seen.count <= Self.mostFiles else {
            throw CarrierError(
                .inputMissing, "at most \(Self.mostFiles) files of \(Self.longest >> 30) GiB in all can be taken into a carrier")
        }
        let announcement = HostMessage.file(path: path, mode: status.permissions & 0o777, size: status.size)
        contents.append(.init(announcement: announcement, file: file, size: status.size))
        guard status.permissions & 0o111 != 0 else { return }
        let folder = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
        if !programFolders.contains(folder) { programFolders.append(folder) }
        switch interpreter {
        case .none: break
        case .script(let program): try take(program)
        case .loader(let loader):
            try take(loader)
            for library in try Self.libraries(of: path, loader: loader) { try take(library) }
        }
    }

    /// The shared libraries that a program would be started with here: asked of the loader that would load them.
    private static func libraries(of program: String, loader: String) throws(CarrierError) -> [String] {
        let answer = try ProgramAnswer.of(loader, ["--list", program], limitMilliseconds: listLimitMilliseconds)
        guard answer.ending == .exited(0) else {
            let line = answer.output.split(whereSeparator: \.isNewline).first ?? "nothing"
            throw CarrierError(.inputMissing, "cannot list the libraries of \(program): its loader \(loader) says `\(line)`")
        }
        return try libraries(listed: answer.output, of: program)
    }

    /// Reads lines such as `libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f...)`; those without a path are the kernel's.
    static func libraries(listed text: String, of program: String) throws(CarrierError) -> [String] {
        var paths: [String] = []
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.split(whereSeparator: \.isWhitespace)
            guard let name = words.first else { continue }
            if words.count > 3, words[1] == "=>", words[2] == "not", words[3] == "found" {
                throw CarrierError(.inputMissing, "\(program) needs the library \(name), which this host does not have")
            }
            if words.count > 2, words[1] == "=>", words[2].hasPrefix("/") {
                paths.append(String(words[2]))
            } else if name.hasPrefix("/") {
                paths.append(String(name))
            }
        }
        return paths
    }

    /// Names in a folder, sorted.
    private static func list(_ path: String) throws(CarrierError) -> [String] {
        guard let stream = unsafe opendir(path) else { throw CarrierError(OSError.current("list \(path)"), .inputMissing) }
        defer { unsafe _ = closedir(stream) }
        var names: [String] = []
        // Safe because an entry is used before the next one is asked for, and its name ends with a NUL.
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }
}
