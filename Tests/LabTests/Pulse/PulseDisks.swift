import Foundation
import Glibc
import Host

/// Disks for pulse: files in memory, so that nothing is left behind.
enum PulseDisk {
    static func blank(_ size: UInt64) throws -> SharedDescriptor {
        let file = try Descriptor.memory(name: "disk")
        try file.truncate(to: size)
        return SharedDescriptor(file)
    }

    /// Sectors with a pattern that tells each from the others.
    static func patterned(sectors: Int) throws -> SharedDescriptor {
        let file = try Descriptor.memory(name: "disk")
        var bytes: [UInt8] = []
        for sector in 0..<sectors { for offset in 0..<512 { bytes.append(UInt8(truncatingIfNeeded: sector &* 7 &+ offset)) } }
        try bytes.withUnsafeBytes { try file.write($0, at: 0) }
        return SharedDescriptor(file)
    }

    static func bytes(of file: SharedDescriptor, from offset: UInt64 = 0, count: Int? = nil) throws -> [UInt8] {
        try file.with { (descriptor: borrowing Descriptor) in
            var buffer = [UInt8](repeating: 0, count: try count ?? Int(descriptor.size()))
            let read = try buffer.withUnsafeMutableBytes { try descriptor.read(into: $0, at: offset) }
            return Array(buffer.prefix(read))
        }
    }

    static func readOnlyView(of file: SharedDescriptor) throws -> SharedDescriptor {
        SharedDescriptor(try Descriptor.open("/proc/self/fd/\(file.number)", O_RDONLY))
    }

    /// The answer of pulse's `sum`: CRC-32 as in gzip.
    static func sum(_ bytes: some Sequence<UInt8>) -> String {
        var state: UInt32 = ~0
        for byte in bytes {
            state ^= UInt32(byte)
            for _ in 0..<8 { state = state & 1 != 0 ? state >> 1 ^ 0xEDB8_8320 : state >> 1 }
        }
        let digits = String(~state, radix: 16)
        return "crc32 " + String(repeating: "0", count: 8 - digits.count) + digits
    }
}
