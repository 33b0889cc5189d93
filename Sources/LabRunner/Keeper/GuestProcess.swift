package import Host

/// A started machine's process as the keeper sees it, native or in a carrier.
package protocol GuestProcess: AnyObject {
    var identity: ProcessIdentity { get }
    /// Readable when the process has ended.
    var endDescriptor: CInt { get }
    /// Our end of a stream of its launch; does not block, closed with this value.
    func stream(_ name: String) -> CInt?
    /// How it ended; `nil` while it runs. Never waits.
    func ending() -> GuestEnding?
    func signal(_ number: CInt)
}

/// How a machine's process ended.
package enum GuestEnding: Hashable, Sendable {
    /// The monitor's own exit status, and the last line it said on its standard error.
    case exited(Int32, said: String?)
    case signalled(Int32)
    /// The carrier round it failed; the guest is not to blame.
    case carrierFailed(String)
}
