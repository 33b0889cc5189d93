import Glibc
import Host
import Testing

/// What a test's process needs to go on and to end.
private let calls: [SystemCallFilter.Call] = [
    .read, .write, .futex, .mapData, .munmap, .brk, .madvise, .exit, .exitThread, .close, .signalMask, .random, .clock, .threadID,
    .processID, .epollWait, .poll,
]

private func enterSandbox() {
    do {
        guard try SystemCallFilter(calls).enter() == .filtered else { exit(3) }
    } catch {
        exit(4)
    }
}

/// Each in a process of its own, which the kernel ends if it keeps its word.
@Suite struct `a sandbox` {
    @Test func `lets through what it lists`() async {
        await #expect(processExitsWith: .exitCode(7)) {
            enterSandbox()
            guard mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED else { _exit(5) }
            _exit(7)
        }
    }

    @Test func `ends who makes another call`() async {
        await #expect(processExitsWith: .signal(SIGSYS)) {
            enterSandbox()
            _ = open("/dev/null", O_RDONLY)
            _exit(0)
        }
    }

    @Test func `ends who makes a call with other arguments than it lists`() async {
        await #expect(processExitsWith: .signal(SIGSYS)) {
            enterSandbox()
            _ = mmap(nil, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
            _exit(0)
        }
    }

    @Test func `is there for every thread`() async {
        await #expect(processExitsWith: .signal(SIGSYS)) {
            var ends: [CInt] = [0, 0]
            guard pipe(&ends) == 0 else { exit(2) }
            let gate = ends[0]
            let thread = try NamedThread("before") {
                var byte: UInt8 = 0
                _ = read(gate, &byte, 1)
                _ = open("/dev/null", O_RDONLY)
                _exit(0)
            }
            enterSandbox()
            _ = write(ends[1], "x", 1)
            thread.join()
            _exit(0)
        }
    }

    @Test func `keeps what there is, and takes nothing more in`() async {
        await #expect(processExitsWith: .exitCode(7)) {
            let file = try Descriptor.memory(name: "test")
            signal(SIGXFSZ, SIG_IGN)
            try ResourceLimit.descriptors.set(to: 0)
            try ResourceLimit.fileSize.set(to: 4096)
            try file.write([1, 2, 3], at: 0)
            guard dup(file.number) == -1, errno == EMFILE else { exit(2) }
            do throws(OSError) {
                try file.write([1], at: 4096)
                exit(3)
            } catch {
                exit(error.code == .fileTooLarge ? 7 : 4)
            }
        }
    }
}
