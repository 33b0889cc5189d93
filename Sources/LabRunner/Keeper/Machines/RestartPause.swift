/// How long what ended rests before it is started again: twice as long each time, up to a cap.
struct RestartPause: Hashable, Sendable {
    private let first: Int
    private var next: Int

    /// A process that dies at once costs the host one start in half a minute.
    static let longest = 30_000
    /// One that ran this long was well: the next pause is a short one again.
    static let wellAfter: UInt64 = 60_000

    /// - Parameter first: milliseconds.
    init(first: Int = 1000) {
        self.first = first
        next = first
    }

    /// - Parameter ran: milliseconds from its start to its end.
    mutating func milliseconds(ran: UInt64) -> Int {
        if ran >= Self.wellAfter { next = first }
        defer { next = min(next * 2, Self.longest) }
        return next
    }
}
