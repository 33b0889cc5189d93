internal import CLinux
internal import Glibc
internal import SystemPackage

/// Which process this is, for good: a pid alone is used again by strangers.
package struct ProcessIdentity: Hashable, Sendable, Codable {
    /// `/proc/sys/kernel/random/boot_id`.
    package var boot: String
    package var pid: Int32
    /// Field 22 of `/proc/<pid>/stat`: clock ticks from boot to start.
    package var startTime: UInt64

    package init(boot: String, pid: Int32, startTime: UInt64) {
        self.boot = boot
        self.pid = pid
        self.startTime = startTime
    }

    /// The identity of a running process; `nil` when there is none (a zombie counts as none).
    package init?(of pid: Int32) {
        guard let boot = Self.bootID(), let fields = Self.fields(of: pid), fields[0] != "Z", fields[0] != "X",
            let start = UInt64(fields[19])
        else { return nil }
        self.init(boot: boot, pid: pid, startTime: start)
    }

    /// Whether there is a process of that number that will go on: not one that has ended, nor one that is letting go of what it had.
    package static func runs(_ pid: Int32) -> Bool {
        guard let fields = fields(of: pid), fields[0] != "Z", fields[0] != "X", let flags = UInt32(fields[6]) else { return false }
        return flags & exitingFlag == 0
    }

    /// `PF_EXITING` of proc(5)'s flags: set before the first of its descriptors is closed.
    private static let exitingFlag: UInt32 = 4

    /// `/proc/<pid>/stat` from the third field on, the state; at least 20 of them.
    private static func fields(of pid: Int32) -> [String]? {
        // The command name may hold spaces and parentheses: fields are counted from the last one.
        guard let stat = try? readSmallFile("/proc/\(pid)/stat"), let close = stat.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        let fields = stat[stat.index(after: close)...].split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
        return fields.count > 19 ? fields : nil
    }

    /// True while the very same process runs.
    package var isAlive: Bool { ProcessIdentity(of: pid) == self }

    /// The kernel's id of this boot.
    package static func bootID() -> String? {
        guard let bytes = try? readSmallFile("/proc/sys/kernel/random/boot_id") else { return nil }
        return String(decoding: bytes.prefix(36), as: UTF8.self)
    }

    /// Sends a signal to this process and to no other: through a pidfd whose identity was checked after it was opened.
    ///
    /// - Returns: false when the process is gone (absent is success for whoever is tearing down).
    @discardableResult
    package func signal(_ number: CInt) throws(OSError) -> Bool {
        let handle = syscall3(Int(SYS_pidfd_open), Int(pid), 0, 0)
        guard handle >= 0 else {
            let error = OSError.current("open process \(pid)")
            if error.code == .noSuchProcess { return false }
            throw error
        }
        let descriptor = Descriptor(owning: CInt(truncatingIfNeeded: handle))
        guard isAlive else { return false }
        let sent = syscall4(Int(SYS_pidfd_send_signal), Int(descriptor.number), Int(number), 0, 0)
        guard sent == 0 else {
            let error = OSError.current("signal process \(pid)")
            if error.code == .noSuchProcess { return false }
            throw error
        }
        return true
    }
}

/// Reads a small file (procfs, sysfs) whole; at most 64 KiB.
package func readSmallFile(_ path: String) throws(OSError) -> [UInt8] {
    let file = try Descriptor.open(path, O_RDONLY)
    var all: [UInt8] = []
    while all.count < 65536 {
        let part = try file.read(upTo: 4096)
        if part.isEmpty { break }
        all += part
    }
    return all
}
