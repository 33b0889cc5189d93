/// How long a machine that ended rests before its restart policy starts it again: twice as long each time, up to a cap.
struct RestartPause: Hashable, Sendable {
    private var next = RestartPause.first

    private static let first = 1000
    /// A guest that dies at once costs the host one boot in half a minute.
    static let longest = 30_000
    /// One that ran this long was well: the next pause is a short one again.
    static let wellAfter: UInt64 = 60_000

    /// - Parameter ran: milliseconds from its start to its end.
    mutating func milliseconds(ran: UInt64) -> Int {
        if ran >= Self.wellAfter { next = Self.first }
        defer { next = min(next * 2, Self.longest) }
        return next
    }
}
