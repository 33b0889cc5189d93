import Foundation
import Glibc
import Host

/// A folder for one test.
final class Scratch {
    let path: String
    private var mounts: [String] = []

    init() throws {
        path = "/tmp/vmlab-s-" + String(UInt32.random(in: 0 ... .max), radix: 36)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        for mount in mounts { _ = try? Self.run("/usr/bin/umount", "-l", mount) }
        try? FileManager.default.removeItem(atPath: path)
    }

    /// A filesystem that is full soon; `nil`, said aloud, where this user may not mount one.
    func smallFileSystem(kibibytes: Int) throws -> String? {
        let folder = path + "/small"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        guard try Self.run("/usr/bin/mount", "-t", "tmpfs", "-o", "size=\(kibibytes)k", "tmpfs", folder) == 0 else {
            print("not tried: this user may not mount a small filesystem")
            return nil
        }
        mounts.append(folder)
        return folder
    }

    @discardableResult
    static func run(_ program: String, _ arguments: String...) throws -> Int32 {
        let nothing = try Descriptor.open("/dev/null", O_RDWR)
        let child = try ChildProcess(
            program: program, arguments: [program] + arguments, environment: ["PATH=/usr/bin:/bin"],
            inherited: [.init(0, from: nothing.number), .init(1, from: nothing.number), .init(2, from: nothing.number)])
        if case .exited(let status) = try child.wait(limitMilliseconds: 20_000) { return status }
        return -1
    }
}
