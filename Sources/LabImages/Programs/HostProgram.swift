internal import Glibc
internal import Host
internal import LabModel
internal import SystemPackage

/// A program of the host that a build runs and waits for: `mmdebstrap`, `apt-get`.
///
/// It runs on a leash (it is told to stop when this process dies, and tidies up after itself then), with an environment of its own making, nothing on its standard
/// input, and its talk read line by line. The last lines go into the error when it fails.
package struct HostProgram {
    /// Lines of talk kept for an error: what fits a screen.
    private static let tailLines = 25
    /// One line of talk; programs that draw progress bars write endless ones.
    private static let maximumLine = 4096
    /// Where a distribution has its programs; also what they get as their own `PATH`, so the caller's cannot change a build.
    static let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    private let program: String
    private let name: String
    private let environment: [String]

    /// - Parameters:
    ///   - package: the Debian package to install where the program is missing.
    ///   - environment: what the program gets besides `PATH`, `HOME`, a neutral locale, and the mark of the lab that it is run for.
    package init(_ name: String, package: String, environment: [String: String] = [:], search: String = HostProgram.path) throws(ImageError)
    {
        guard let program = Programs.find(name, path: search) else { throw ImageError(.missingProgram(package: package), name) }
        self.program = program
        self.name = name
        var base = ["PATH": HostProgram.path, "HOME": "/", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"]
        // The lab's mark is handed on, so that its audit finds what a killed keeper was building with.
        // Safe because the value is copied at once, and nobody in this process changes its environment.
        if let lab = unsafe getenv(LabFolders.mark) { unsafe base[LabFolders.mark] = String(cString: lab) }
        self.environment = base.merging(environment) { $1 }.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    }

    /// Runs to the end. Anything but exit status 0 is an error with the last lines that were said.
    ///
    /// - Parameters:
    ///   - output: takes standard output.
    ///   - line: is called with each line of standard error.
    func run(_ arguments: [String], output: borrowing Descriptor, folder: String? = nil, line: (String) -> Void = { _ in })
        throws(ImageError)
    {
        var tail: [String] = []
        let ending: ChildProcess.Ending?
        do throws(OSError) {
            let nothing = try Descriptor.open("/dev/null", O_RDONLY)
            let ends = try Pipe().split()
            let reader = Descriptor(owning: ends.reader)
            var writer: Descriptor? = Descriptor(owning: ends.writer)
            let child = try ChildProcess(
                program: try Programs.sibling("vmlab-leash"),
                arguments: ["vmlab-leash", "--gently", "\(getpid())", "--", program] + arguments, environment: environment,
                inherited: [.init(0, from: nothing.number), .init(1, from: output.number), .init(2, from: ends.writer)],
                workingFolder: folder)
            // Ours would keep the pipe open after the program's end.
            writer = nil
            _ = writer == nil
            do throws(OSError) {
                try HostProgram.readLines(reader) { text in
                    tail.append(text)
                    if tail.count > HostProgram.tailLines { tail.removeFirst() }
                    line(text)
                }
                ending = try child.wait()
            } catch {
                child.signal(SIGTERM)
                _ = try child.wait()
                throw error
            }
        } catch {
            throw ImageError(.system(call: error.doing, errno: error.code.rawValue, message: "\(error.code)"), name)
        }
        let text = tail.joined(separator: "\n")
        switch ending {
        case .exited(0): return
        case .exited(let status): throw ImageError(.program(status: "failed with status \(status)", tail: text), name)
        case .signalled(let signal): throw ImageError(.program(status: "was killed by signal \(signal)", tail: text), name)
        case nil: throw ImageError(.program(status: "did not end", tail: text), name)
        }
    }

    /// Runs to the end, and gives what it wrote to standard output (at most `limit` bytes).
    package func output(_ arguments: [String], limit: Int = 16 << 20, folder: String? = nil) throws(ImageError) -> String {
        let memory: Descriptor
        do throws(OSError) { memory = try Descriptor.memory(name: name) } catch { throw ImageError(error, name) }
        try run(arguments, output: memory, folder: folder)
        do throws(OSError) {
            return String(decoding: try memory.read(upTo: limit, at: 0), as: UTF8.self)
        } catch {
            throw ImageError(error, name)
        }
    }

    private static func readLines(_ reader: borrowing Descriptor, _ line: (String) -> Void) throws(OSError) {
        var rest: [UInt8] = []
        while true {
            let more = try reader.read(upTo: 4096)
            if more.isEmpty { break }
            rest += more
            while let end = rest.firstIndex(where: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) {
                if end > 0 { line(String(decoding: rest[..<end], as: UTF8.self)) }
                rest.removeFirst(end + 1)
            }
            if rest.count > maximumLine { rest.removeFirst(rest.count - maximumLine) }
        }
        if !rest.isEmpty { line(String(decoding: rest, as: UTF8.self)) }
    }
}
