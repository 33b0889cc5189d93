import Foundation
import Glibc
import Host
import LabModel
import LabRunner
import TestSupport
import Testing

/// A person at the command line, with programs, a home and a lab of their own; nothing of them is left afterwards.
///
/// `vmlab` is the built one; the `vmlab-machine` beside it is `FakeMachine`.
final class Person {
    let home: String
    let programs: String
    private var environment: [String: String]

    /// Where the built programs lie: beside the test bundle.
    static let built = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().path

    init(home: String? = nil) throws {
        let short = String(UInt32.random(in: 0 ... .max), radix: 36)
        self.home = home ?? "/tmp/vmlab-r-\(short)"
        programs = self.home + "/bin"
        let files = FileManager.default
        try files.createDirectory(atPath: programs, withIntermediateDirectories: true)
        environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("VMLAB_") && $0.key != "NO_COLOR" && $0.key != "CI" }
        environment["VMLAB_HOME"] = self.home + "/v"
        environment["VMLAB_UP_ACCEL"] = "kvm"
        environment["VMLAB_PASST"] = programs + "/fake-passt"
        try install()
        let image = self.home + "/Images/fake"
        try files.createDirectory(atPath: image, withIntermediateDirectories: true)
        try Data("a kernel that no machine runs".utf8).write(to: URL(filePath: image + "/kernel"))
        try Data("name: fake\nfrom: {kernel: {path: kernel}}\nboot: {protocol: pvh}\n".utf8).write(to: URL(filePath: image + "/image.yaml"))
    }

    /// Puts the programs in their place, by a process of its own: while one that another test is just starting has inherited a
    /// descriptor that a program was written through, nobody may run that program.
    private func install() throws {
        let script = """
            cd "$1" && built=$2; shift 2
            for name in vmlab vmlab-leash; do ln "$built/$name" . 2>/dev/null || cp "$built/$name" . || exit 1; done
            while [ $# -gt 0 ]; do printf %s "$2" >"$1" && chmod 755 "$1" || exit 1; shift 2; done
            """
        let installer = try ChildProcess(
            program: "/bin/sh",
            arguments: [
                "sh", "-c", script, "sh", programs, Self.built, "vmlab-machine", FakeMachine.script, "vmlab-network", FakeNetwork.script,
                "fake-passt", FakeNetwork.uplink,
            ], environment: ["PATH=/usr/bin:/bin"], inherited: [])
        try #require(try installer.wait(limitMilliseconds: 120_000) == .exited(0))
    }

    deinit {
        for process in processes() { kill(process, SIGKILL) }
        try? FileManager.default.removeItem(atPath: home)
    }

    var paths: LabPaths { LabPaths(home: home + "/v") }
    func folders(_ lab: String) -> LabFolders { paths.lab(lab) }

    /// Two networks that every machine of a lab is on; the second has a way out.
    static let networks = "networks:\n  lan: {subnet: 10.20.0.0/24}\n  wan: {subnet: 10.30.0.0/24, uplink: nat}\n"

    /// Writes a lab of machines, each `NAME: WORDS FOR THE FAKE`, and returns its folder.
    @discardableResult
    func lab(
        _ machines: [(String, String)], named name: String = "shop", more: String = "", networks: String = ""
    ) throws -> String {
        let folder = home + "/" + name
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        var text = "name: \(name)\n\(networks)machines:\n"
        let more = networks.isEmpty ? more : ", networks: [lan, wan]\(more)"
        for (machine, words) in machines {
            text += "  \(machine): {image: fake, memory: 16MiB, cmdline: \"\(words)\", disks: [{size: 1MiB}]"
            text += ", ready: {console: \"fake: ready\", within: 60s}\(more)}\n"
        }
        try Data(text.utf8).write(to: URL(filePath: folder + "/lab.yaml"))
        return folder
    }

    @discardableResult
    func vmlab(_ arguments: String..., input: String = "", variables: [String: String] = [:], limitSeconds: Int = 120) throws
        -> CommandOutcome
    {
        try start(arguments, input: input, variables: variables).wait(limitSeconds: limitSeconds)
    }

    func start(_ arguments: [String], input: String = "", variables: [String: String] = [:]) throws -> RunningCommand {
        try start(programs + "/vmlab", ["vmlab"] + arguments, input, variables)
    }

    /// Runs another program to its end, in the same surroundings.
    func run(_ program: String, _ arguments: [String], variables: [String: String]) throws -> CommandOutcome {
        try start(program, [program] + arguments, "", variables).wait(limitSeconds: 30)
    }

    private func start(_ program: String, _ arguments: [String], _ input: String, _ variables: [String: String]) throws -> RunningCommand {
        try RunningCommand(
            program: program, arguments: arguments, environment: environment.merging(variables) { $1 }.map { "\($0.key)=\($0.value)" },
            input: input, home: home)
    }

    // MARK: What is there, by the kernel's word and not by vmlab's

    /// Processes whose program or arguments lie in this person's home, or that carry its mark.
    func processes(matching text: String = "") -> [Int32] {
        Folder.names("/proc").compactMap { name in
            guard let pid = Int32(name), pid != getpid(), ProcessIdentity(of: pid) != nil else { return nil }
            let command = String(decoding: (try? readFile("/proc/\(pid)/cmdline", limit: 65536)) ?? [], as: UTF8.self)
            let variables = String(decoding: (try? readFile("/proc/\(pid)/environ", limit: 1 << 20)) ?? [], as: UTF8.self)
            guard command.contains(home + "/") || variables.contains("\(ProcessTable.mark)=\(home)/") else { return nil }
            return command.contains(text) ? pid : nil
        }
    }

    /// The lines of a file that a fake writes, oldest first.
    func lines(_ file: String) -> [String] {
        ((try? String(contentsOfFile: home + "/" + file, encoding: .utf8)) ?? "").split(separator: "\n").map(String.init)
    }

    /// Looks again and again, for a minute at most.
    func wait(_ what: String, _ location: SourceLocation = #_sourceLocation, until condition: () throws -> Bool) throws {
        for _ in 0..<3000 {
            if try condition() { return }
            usleep(20_000)
        }
        Issue.record("waited a minute for \(what)", sourceLocation: location)
    }

    func keeper() throws -> Int32 {
        // Only the keeper has both words in its arguments.
        try #require(processes(matching: "keep\0").first, "no keeper runs")
    }

    /// Everything in the state and run folders.
    func files() -> [String] {
        ["state", "run"].flatMap { folder in
            let root = home + "/v/" + folder
            return FileManager.default.enumerator(atPath: root)?.compactMap { $0 as? String }.map { "\(folder)/\($0)" } ?? []
        }
    }

    func expectNothingLeft(_ what: String = "", _ location: SourceLocation = #_sourceLocation) {
        // Whoever was killed a moment ago may still be on the way out.
        var left = 1500
        while left > 0, !processes().isEmpty {
            usleep(20_000)
            left -= 1
        }
        let commands = processes().map { ProcessTable.command(of: $0) }
        #expect(commands.isEmpty, "\(what): processes are left: \(commands)", sourceLocation: location)
        #expect(files().isEmpty, "\(what): files are left: \(files())", sourceLocation: location)
    }
}
