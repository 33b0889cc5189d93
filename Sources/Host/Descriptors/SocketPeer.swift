internal import CLinux
internal import Glibc

extension UnixSocket {
    /// The user at the other end of a connected socket; `nil` when the kernel does not say.
    package static func peer(of socket: borrowing Descriptor) -> UInt32? {
        // struct ucred: pid, uid, gid.
        var credentials: (UInt32, UInt32, UInt32) = (0, 0, 0)
        var length = socklen_t(MemoryLayout<(UInt32, UInt32, UInt32)>.size)
        // Safe because both variables outlive the call and the length is the structure's.
        let result = unsafe getsockopt(socket.number, SOL_SOCKET, SO_PEERCRED, &credentials, &length)
        return result == 0 ? credentials.1 : nil
    }
}
