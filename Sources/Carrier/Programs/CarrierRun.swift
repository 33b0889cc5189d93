internal import CarrierLink
internal import Glibc
internal import Host
package import LabModel

/// Runs one program of this host beside a true `/dev/kvm`, in a carrier of its own: `vmlab carrier run`.
///
/// The program and the files named with it stand at the same paths in there, in the same working folder, with the libraries
/// they need; so a command line that works here works there. Standard streams and the exit status pass through.
package struct CarrierRun: Sendable {
    package var kit: CarrierKit
    /// Path of `vmlab-leash`.
    package var leash: String
    /// For the program; what it takes with it and the carrier's own share come on top.
    package var memory: ByteCount
    /// The program, by path or by its name in `searchPath`, and its arguments.
    package var command: [String]
    /// Files and folders to take along.
    package var files: [String]
    /// Absolute; relative paths start here.
    package var folder: String
    package var searchPath: String

    package init(
        kit: CarrierKit, leash: String, memory: ByteCount = CarrierRun.defaultMemory, command: [String], files: [String] = [],
        folder: String, searchPath: String
    ) {
        self.kit = kit
        self.leash = leash
        self.memory = memory
        self.command = command
        self.files = files
        self.folder = folder
        self.searchPath = searchPath
    }

    package static let defaultMemory = ByteCount(bytes: 512 << 20)
    /// In the kit's own initramfs, and so without a file of the host's: `vmlab-machine --measure-kvm` tells what a carrier's KVM is worth.
    package static let machine = "/vmlab-machine"

    /// Runs it to its end on the calling thread, which the carrier's life is tied to.
    ///
    /// SIGINT and SIGTERM, which must not be blocked or handled by other threads, go to the program instead of ending this process; before the program
    /// runs they end the carrier.
    ///
    /// - Parameters:
    ///   - input, output, errors: the program's standard streams; borrowed, their flags stay as they are.
    ///   - whenRunning: called once the program runs.
    /// - Returns: how the program ended, or why the carrier failed.
    package func run(
        input: CInt, output: CInt, errors: CInt, whenRunning: @escaping () -> Void = {}
    ) throws(CarrierError) -> MachineProcess.Ending {
        let loop = try carrierErrors { () throws(OSError) in try EventLoop() }
        let setup = try setup()
        let signals = try carrierErrors { () throws(OSError) in try SignalDescriptor([SIGINT, SIGTERM]) }
        var ending: MachineProcess.Ending?
        var source: InputSource?
        var carried: CarriedProgram?
        let program = try CarriedProgram(setup, loop: loop) { event in
            switch event {
            case .running:
                whenRunning()
                source?.begin()
            // A reader that went away ends the program, as a broken pipe would.
            case .output(let bytes): if !Self.write(bytes, to: output) { carried?.signal(SIGPIPE) }
            case .errorOutput(let bytes): _ = Self.write(bytes, to: errors)
            case .ended(let how):
                ending = how
                source?.end()
            }
        }
        carried = program
        source = InputSource(input, loop: loop, program: program)
        try carrierErrors { () throws(OSError) in
            try loop.watch(signals.number, .read) { [unowned program] _ in
                while let signal = (try? signals.next()) ?? nil { program.signal(signal) }
            }
        }
        // The handler holds on to both, and the program to the handler.
        defer {
            carried = nil
            source = nil
        }
        while true {
            if let ending { return ending }
            try carrierErrors { () throws(OSError) in try loop.turn(limitMilliseconds: -1) }
        }
    }

    // MARK: What goes in

    private func setup() throws(CarrierError) -> CarriedProgram.Setup {
        guard let name = command.first, !name.isEmpty else { throw CarrierError(.inputMissing, "there is no program to run") }
        var luggage = Luggage()
        let path = name == Self.machine ? name : try find(name)
        if name != Self.machine { try luggage.take(path) }
        for file in files { try luggage.take(absolute(file)) }
        let folders = luggage.programFolders + ["/usr/bin", "/bin", "/usr/sbin", "/sbin"]
        let (memory, overflow) = memory.bytes.addingReportingOverflow(luggage.size)
        guard !overflow else { throw CarrierError(.inputMissing, "\(self.memory) is more memory than a carrier can have") }
        var setup = CarriedProgram.Setup(
            kit: kit, leash: leash, environment: [plainEnvironment], memory: ByteCount(bytes: memory),
            start: .start(
                .init(
                    path: path, arguments: Array(command.dropFirst()),
                    environment: ["PATH=" + folders.joined(separator: ":"), "HOME=/", "TMPDIR=/tmp", "TERM=dumb", "LC_ALL=C.UTF-8"],
                    folder: folder, hasInput: true)))
        setup.contents = luggage.contents
        setup.links = luggage.links
        return setup
    }

    private func find(_ name: String) throws(CarrierError) -> String {
        if name.contains("/") { return absolute(name) }
        guard let path = Programs.find(name, path: searchPath) else {
            throw CarrierError(.inputMissing, "there is no program \(name) in PATH")
        }
        return path
    }

    private func absolute(_ path: String) -> String { path.hasPrefix("/") ? path : folder + "/" + path }

    /// Writes all of it, waiting for a reader that is slow; false when there is none any more.
    private static func write(_ bytes: [UInt8], to number: CInt) -> Bool {
        // Borrowed: given back before its owner could close it.
        let borrowed = Descriptor(owning: number)
        let written = (try? borrowed.writeAll(bytes)) != nil
        _ = borrowed.release()
        return written
    }
}
