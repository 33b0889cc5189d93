/// What a lab's networks can make grow, and how far.
package enum Limits {
    /// Addresses that a lab's switches remember together.
    package static let addresses = 1024
    /// Addresses that one port may have learnt: a guest that makes up senders forgets its own, nobody else's.
    package static let addressesPerPort = 64
}
