internal import Glibc
internal import Host
internal import LabModel

/// The socket pair between two processes that come and go: both ends stay here for the lab's life, so that either may be
/// replaced while the other goes on.
final class Wire {
    /// What the network has.
    let networkEnd: SharedDescriptor
    /// What the machine, or the uplink's process, has.
    let otherEnd: SharedDescriptor

    init() throws(OSError) {
        let pair = try UnixSocket.pair().split()
        networkEnd = SharedDescriptor(Descriptor(owning: pair.ours))
        otherEnd = SharedDescriptor(Descriptor(owning: pair.theirs))
    }

    /// Throws away what lies in it both ways. Only while neither end is in use.
    func drain() {
        UnixSocket.discardInput(networkEnd.number)
        UnixSocket.discardInput(otherEnd.number)
    }

    /// 16 bytes that nobody can guess, in hexadecimal digits: where records begin again (`PortRecord`).
    static func freshMark() -> String {
        let digits = Array("0123456789abcdef")
        var source = SystemRandomNumberGenerator()
        return String((0..<32).map { _ in digits[Int(truncatingIfNeeded: source.next() & 15)] })
    }
}
