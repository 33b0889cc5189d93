internal import CLinux
internal import Glibc
internal import SystemPackage

/// Unix stream sockets: pairs for children, and named ones for the lab's control.
package enum UnixSocket {
    /// Bytes that a socket's path may have (`sun_path` less its NUL).
    package static let longestPath = 107

    /// Two connected ends. Both close on exec; `ChildProcess` gives one to a child.
    package static func pair() throws(OSError) -> Pair {
        var ends: (CInt, CInt) = (-1, -1)
        let result = unsafe withUnsafeMutableBytes(of: &ends) { buffer in
            // Safe because the buffer is exactly two ints.
            unsafe socketpair(
                AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, buffer.baseAddress?.assumingMemoryBound(to: CInt.self))
        }
        guard result == 0 else { throw OSError.current("create a socket pair") }
        return Pair(ours: Descriptor(owning: ends.0), theirs: Descriptor(owning: ends.1))
    }

    /// Throws away what lies in a stream's receive buffer; never waits, whether the socket may or not.
    package static func discardInput(_ number: CInt) {
        var rubbish = [UInt8](repeating: 0, count: 64 << 10)
        // Safe because the kernel writes at most the buffer's size.
        while unsafe recv(number, &rubbish, rubbish.count, CInt(MSG_DONTWAIT)) > 0 {}
    }

    package struct Pair: ~Copyable {
        package var ours: Descriptor
        package var theirs: Descriptor

        /// Takes the pair apart.
        package consuming func split() -> (ours: CInt, theirs: CInt) { (ours.release(), theirs.release()) }
    }

    /// Listens at a path (mode 0600), which must be free: remove a dead predecessor under the lab's lock first.
    package static func listen(_ path: String, backlog: CInt = 64) throws(OSError) -> Descriptor {
        let socket = try make()
        let result = try unsafe withAddress(path) { address, length in
            // Safe because the address outlives the call.
            unsafe fchmod(socket.number, 0o600) | bind(socket.number, address, length)
        }
        guard result == 0 else { throw OSError.current("bind \(path)") }
        try retrying("listen at \(path)") { Glibc.listen(socket.number, backlog) }
        return socket
    }

    package static func connect(_ path: String) throws(OSError) -> Descriptor {
        let socket = try make()
        let result = try unsafe withAddress(path) { address, length in unsafe Glibc.connect(socket.number, address, length) }
        guard result == 0 else { throw OSError.current("connect to \(path)") }
        return socket
    }

    /// The next waiting client; `nil` when there is none. The new descriptor does not block.
    package static func accept(_ listener: borrowing Descriptor) throws(OSError) -> Descriptor? {
        let number = accept4(listener.number, nil, nil, CInt(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue))
        if number >= 0 { return Descriptor(owning: number) }
        let error = OSError.current("accept a client")
        switch error.code {
        case .wouldBlock, .resourceTemporarilyUnavailable, .interrupted, .connectionAbort: return nil
        default: throw error
        }
    }

    private static func make() throws(OSError) -> Descriptor {
        Descriptor(
            owning: try retrying("create a socket") { socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0) })
    }

    private static func withAddress(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt
    ) throws(OSError) -> CInt {
        guard path.utf8.count <= longestPath, !path.utf8.contains(0) else {
            throw OSError(.fileNameTooLong, "use the socket path \(path): it may have \(longestPath) bytes")
        }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        // Safe because the path was just measured, and the structure outlives the call.
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
