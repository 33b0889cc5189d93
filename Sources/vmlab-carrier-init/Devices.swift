internal import Glibc
internal import Host
internal import SystemPackage

/// Finds virtio ports by name and disks by serial. Both appear some milliseconds after their drivers are loaded.
enum Devices {
    private static let limitMilliseconds: UInt64 = 5_000
    private static let pauseMicroseconds: UInt32 = 1_000

    static func openPort(_ name: String) throws(OSError) -> Descriptor {
        let found = try wait("stream", name, folder: "/sys/class/virtio-ports", attribute: "name")
        return try Descriptor.open("/dev/\(found)", O_RDWR)
    }

    static func openDisk(_ serial: String, writable: Bool) throws(OSError) -> Descriptor {
        let found = try wait("disk", serial, folder: "/sys/block", attribute: "serial")
        return try Descriptor.open("/dev/\(found)", writable ? O_RDWR : O_RDONLY)
    }

    /// The device whose attribute says `wanted`.
    private static func wait(_ kind: String, _ wanted: String, folder: String, attribute: String) throws(OSError) -> String {
        let limit = EventLoop.now() + limitMilliseconds * 1_000_000
        while true {
            let devices = list(folder).compactMap { device -> (device: String, value: String)? in
                guard let bytes = try? readSmallFile("\(folder)/\(device)/\(attribute)") else { return nil }
                return (device, String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self))
            }
            if let found = devices.first(where: { $0.value == wanted }) { return found.device }
            guard EventLoop.now() < limit else {
                let there = devices.map(\.value).sorted().joined(separator: ", ")
                throw OSError(
                    .noSuchAddressOrDevice, "find the \(kind) \(wanted) in the carrier, which has: \(there.isEmpty ? "none" : there)")
            }
            usleep(pauseMicroseconds)
        }
    }

    /// Names in a folder; none when it cannot be read.
    private static func list(_ folder: String) -> [String] {
        guard let stream = unsafe opendir(folder) else { return [] }
        defer { unsafe _ = closedir(stream) }
        var names: [String] = []
        // Safe because an entry is used before the next one is asked for, and its name ends with a NUL.
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names
    }
}
