import CLinux
import Glibc
import Host
import Synchronization
import Testing

@Suite struct LeashTests {
    private func run(_ arguments: [String]) throws -> (status: ChildProcess.Ending?, text: String) {
        let said = try Descriptor.memory(name: "said")
        let child = try ChildProcess(
            program: Bench.leash, arguments: ["vmlab-leash"] + arguments, environment: [],
            inherited: [.init(1, from: said.number), .init(2, from: said.number)])
        let ending = try child.wait(limitMilliseconds: 20_000)
        return (ending, String(decoding: try said.read(upTo: 4096, at: 0), as: UTF8.self))
    }

    private var parent: String { String(getpid()) }

    @Test func `a program runs with its arguments, and its status passes through`() throws {
        let (status, text) = try run([parent, "--", "/bin/sh", "-c", "echo \"$0 $1\"; exit 9", "a b", "c"])
        #expect(status == .exited(9))
        #expect(text == "a b c\n")
    }

    @Test func `what cannot be run is told apart and named`() throws {
        let missing = try run([parent, "--", "/nowhere/program"])
        #expect(missing.status == .exited(127))
        #expect(missing.text == "vmlab-leash: cannot run /nowhere/program: No such file or directory\n")
        let refused = try run([parent, "--", "/etc/passwd"])
        #expect(refused.status == .exited(126))
        #expect(refused.text == "vmlab-leash: cannot run /etc/passwd: Permission denied\n")
    }

    @Test(arguments: [
        [], ["--"], ["x", "--", "/bin/true"], ["-1", "--", "/bin/true"], ["99999999999", "--", "/bin/true"], ["1", "/bin/true"],
        ["1", "--"],
    ])
    func `a wrong command line is a usage error`(arguments: [String]) throws {
        let (status, text) = try run(arguments)
        #expect(status == .exited(64))
        #expect(text.hasPrefix("vmlab-leash: usage: "))
    }

    @Test func `a parent that is somebody else is refused`() throws {
        // As after the real parent's death: the child belongs to another process than it was told.
        let (status, text) = try run(["1", "--", "/bin/true"])
        #expect(status == .exited(125))
        #expect(text == "vmlab-leash: the parent 1 is gone\n")
    }

    @Test func `the program dies with the thread that started it`() throws {
        let box = Box()
        let thread = try NamedThread("mortal") {
            box.start(Bench.leash, getpid())
            usleep(200_000)
        }
        while box.pid == 0 { usleep(1_000) }
        #expect(ProcessIdentity(of: box.pid) != nil)
        thread.join()
        #expect(box.wait() == .signalled(SIGKILL))
    }

    @Test func `the program dies with its parent process`() throws {
        let output = try Pipe().split()
        let reader = Descriptor(owning: output.reader)
        let writer = Descriptor(owning: output.writer)
        // The shell is the parent; the program says its number, and holds the pipe as long as it lives.
        let shell = try ChildProcess(
            program: "/bin/sh", arguments: ["sh", "-c", "'\(Bench.leash)' $$ -- /bin/sh -c 'echo $$; exec sleep 1000' & sleep 1000; true"],
            environment: ["PATH=/usr/bin:/bin"], inherited: [.init(1, from: writer.number)])
        // Only the children hold the writing end from here on.
        _ = consume writer
        let text = String(decoding: try reader.read(upTo: 64), as: UTF8.self)
        let pid = try #require(pid_t(text.prefix { $0.isNumber }))
        let identity = try #require(ProcessIdentity(of: pid))
        shell.signal(SIGKILL)
        #expect(try shell.wait(limitMilliseconds: 10_000) == .signalled(SIGKILL))
        var left = 1000
        while identity.isAlive, left > 0 {
            usleep(10_000)
            left -= 1
        }
        #expect(!identity.isAlive)
    }

    @Test func `a program led gently is asked, and what it leaves running ends with it`() throws {
        let said = try Descriptor.memory(name: "said")
        let child = try ChildProcess(
            program: Bench.leash,
            arguments: [
                "vmlab-leash", "--gently", parent, "--", "/bin/sh", "-c",
                "setsid sleep 1000 & echo $!; trap 'echo asked; exit 5' TERM; while :; do sleep 0.05; done",
            ],
            environment: ["PATH=/usr/bin:/bin"], inherited: [.init(1, from: said.number), .init(2, from: said.number)])
        func text() throws -> String { String(decoding: try said.read(upTo: 4096, at: 0), as: UTF8.self) }
        while try text().isEmpty { usleep(1_000) }
        let number = try text().prefix { $0.isNumber }
        let pid = try #require(pid_t(number))
        let left = try #require(ProcessIdentity(of: pid))
        usleep(50_000)
        child.signal(SIGTERM)
        #expect(try child.wait(limitMilliseconds: 20_000) == .exited(5))
        #expect(try text().hasSuffix("asked\n"))
        #expect(!left.isAlive)
    }

    /// A child that one thread starts and another waits for, after the first has ended.
    private final class Box: @unchecked Sendable {  // `child` is touched by one thread after the other, only the number by both.
        private var child: ChildProcess?
        private let number = Atomic<pid_t>(0)

        var pid: pid_t { number.load(ordering: .acquiring) }

        func start(_ leash: String, _ parent: pid_t) {
            child = try? ChildProcess(
                program: leash, arguments: [leash, String(parent), "--", "/bin/sleep", "1000"], environment: [], inherited: [])
            number.store(child?.pid ?? -1, ordering: .releasing)
        }

        func wait() -> ChildProcess.Ending? { try? child?.wait(limitMilliseconds: 10_000) }
    }
}
