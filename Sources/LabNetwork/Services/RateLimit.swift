/// So many a second, and as many at once as `burst`.
package struct RateLimit: Hashable, Sendable {
    private let interval: UInt64
    private let burst: UInt64
    /// When the bucket would be full again.
    private var full: UInt64 = 0

    package init(perSecond: UInt64, burst: UInt64) {
        interval = 1_000_000_000 / max(1, perSecond)
        self.burst = burst
    }

    /// - Returns: false if this one is too many.
    package mutating func take(now: UInt64) -> Bool {
        let next = max(full, now) &+ interval
        guard next &- now <= burst &* interval else { return false }
        full = next
        return true
    }
}
