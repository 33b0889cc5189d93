internal import CLinux
internal import Glibc
internal import SystemPackage

/// Sockets on which each message is one Ethernet frame: what other switches are spoken to with, for comparison.
package enum MessageSocket {
    /// A Unix datagram socket with an address of its own.
    package static func datagrams(at path: String) throws(OSError) -> Descriptor {
        let descriptor = Descriptor(
            owning: try retrying("create a socket") { socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0) })
        let address = try unixAddress(path)
        try unsafe call("bind \(path)", address) { unsafe bind(descriptor.number, $0, $1) }
        return descriptor
    }

    /// Sends what is written to a datagram socket there from now on.
    /// - Parameter address: as the other side told it, a whole `sockaddr_un` or its beginning.
    package static func connect(_ descriptor: borrowing Descriptor, to address: [UInt8]) throws(OSError) {
        let number = descriptor.number
        try unsafe call("connect descriptor \(number)", address) { unsafe Glibc.connect(number, $0, $1) }
    }

    /// A path as `sockaddr_un` has it.
    package static func unixAddress(_ path: String) throws(OSError) -> [UInt8] {
        guard path.utf8.count <= UnixSocket.longestPath, !path.utf8.contains(0) else {
            throw OSError(.fileNameTooLong, "use the socket path \(path)")
        }
        let family = UInt16(AF_UNIX)
        let bytes = [UInt8(truncatingIfNeeded: family), UInt8(truncatingIfNeeded: family >> 8)] + Array(path.utf8)
        return bytes + [UInt8](repeating: 0, count: MemoryLayout<sockaddr_un>.size - bytes.count)
    }

    /// All IPv4 frames of a network interface, each with a header of 10 bytes before it that says what is still to be done to it.
    package static func interface(_ name: String) throws(OSError) -> Descriptor {
        // ETH_P_IP, as it stands on the wire.
        let type = UInt16(0x0800).bigEndian
        let descriptor = Descriptor(
            owning: try retrying("create a packet socket") {
                socket(AF_PACKET, CInt(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue), CInt(type))
            })
        var address = sockaddr_ll()
        address.sll_family = UInt16(AF_PACKET)
        address.sll_protocol = type
        // Safe because the name is copied during the call.
        address.sll_ifindex = CInt(bitPattern: unsafe if_nametoindex(name))
        guard address.sll_ifindex > 0 else { throw OSError.current("find the interface \(name)") }
        let bytes = unsafe withUnsafeBytes(of: &address) { unsafe Array($0) }
        try unsafe call("bind to the interface \(name)", bytes) { unsafe bind(descriptor.number, $0, $1) }
        try set(descriptor, SOL_PACKET, PACKET_VNET_HDR, 1)
        // As much room as is wanted, for whoever may have it.
        try? set(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
        return descriptor
    }

    private static func set(_ descriptor: borrowing Descriptor, _ level: CInt, _ option: CInt, _ value: CInt) throws(OSError) {
        var value = value
        let number = descriptor.number
        // Safe because the number outlives the call.
        let result = unsafe setsockopt(number, level, option, &value, socklen_t(MemoryLayout<CInt>.size))
        guard result == 0 else { throw OSError.current("set option \(option) of descriptor \(number)") }
    }

    private static func call(
        _ doing: String, _ address: [UInt8], _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt
    ) throws(OSError) {
        // Safe because the kernel reads at most the given length, and the array outlives the call.
        let result = unsafe address.withUnsafeBytes { bytes in
            unsafe bytes.baseAddress.map { unsafe body($0.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count)) } ?? -1
        }
        guard result == 0 else { throw OSError.current(doing) }
    }
}
