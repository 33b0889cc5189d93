import Glibc
import Host

/// What the program may still do once all its streams and files are open: move bytes between them, wait, and ask for memory.
///
/// Guests talk to it all day. Whoever takes it over by a frame finds no file to open, no socket to make, no program to run and no
/// memory to run code of their own in.
enum Sandbox {
    /// - Parameter largestFile: bytes.
    static func enter(largestFile: UInt64) throws(OSError) -> SystemCallFilter.Outcome {
        // Beyond the limit a write fails, as on a full disk.
        signal(SIGXFSZ, SIG_IGN)
        try ResourceLimit.descriptors.set(to: 0)
        try ResourceLimit.fileSize.set(to: largestFile)
        try ResourceLimit.processes.set(to: 0)
        return try SystemCallFilter(streams + captures + memory + runtime).enter()
    }

    private static let streams: [SystemCallFilter.Call] = [
        .recvfrom, .sendmsg, .epollWait, .epollControl, .setTimer, .read, .write, .poll, .setsockopt, .clock, .restart,
    ]
    private static let captures: [SystemCallFilter.Call] = [.pwrite, .ftruncate, .lseek]
    private static let memory: [SystemCallFilter.Call] = [.brk, .mapData, .munmap, .mremap, .madvise]
    /// Locks, the seeds of hashes, and the end, also by abort(3).
    private static let runtime: [SystemCallFilter.Call] = [
        .futex, .random, .close, .exit, .exitThread, .signalReturn, .signalMask, .threadID, .processID, .writev, .signalOneself,
    ]
}
