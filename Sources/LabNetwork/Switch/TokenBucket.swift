/// So many a second, and as many at once after a second's rest.
package struct TokenBucket: Sendable {
    package let rate: UInt64
    /// In billionths of a token.
    private var level: UInt64
    private var last: UInt64 = 0

    /// - Parameter rate: at most a million.
    package init(rate: UInt64) {
        self.rate = min(rate, 1_000_000)
        level = self.rate * 1_000_000_000
    }

    /// Takes one; false if there is none.
    package mutating func take(now: UInt64) -> Bool {
        if now > last {
            // A second fills it, so a longer rest counts as one.
            let gained = min(now - last, 1_000_000_000) * rate
            level = min(level + gained, rate * 1_000_000_000)
            last = now
        }
        guard level >= 1_000_000_000 else { return false }
        level -= 1_000_000_000
        return true
    }
}

/// Tells of something once in a while, however often it happens.
package struct RateLimit: Sendable {
    private var last: UInt64?

    package init() {}

    package mutating func allows(now: UInt64) -> Bool {
        if let last, now &- last < Limits.eventInterval, now >= last { return false }
        last = now
        return true
    }
}
