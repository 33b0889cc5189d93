/// Records that are on their way, the next to arrive first; those that arrive together, in the order in which they left.
struct FlightQueue: Sendable {
    /// A binary heap.
    private var flights: [Flight] = []
    private var sequence: UInt64 = 0

    private struct Flight: Sendable {
        var due: UInt64
        var sequence: UInt64
        var record: [UInt8]

        func isBefore(_ other: Flight) -> Bool { due != other.due ? due < other.due : sequence < other.sequence }
    }

    var isEmpty: Bool { flights.isEmpty }
    var first: UInt64? { flights.first?.due }

    mutating func push(_ record: [UInt8], due: UInt64) {
        flights.append(Flight(due: due, sequence: sequence, record: record))
        sequence &+= 1
        var child = flights.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard flights[child].isBefore(flights[parent]) else { break }
            flights.swapAt(child, parent)
            child = parent
        }
    }

    /// Lets what would arrive later than this arrive then, still in the order in which it would have.
    mutating func hasten(to latest: UInt64) {
        guard flights.contains(where: { $0.due > latest }) else { return }
        // What is sorted is a heap.
        flights.sort { $0.isBefore($1) }
        for index in flights.indices where flights[index].due > latest {
            flights[index].due = latest
            flights[index].sequence = sequence
            sequence &+= 1
        }
    }

    mutating func pop(now: UInt64) -> (due: UInt64, record: [UInt8])? {
        guard let first = flights.first, first.due <= now else { return nil }
        let last = flights.removeLast()
        if !flights.isEmpty {
            flights[0] = last
            var parent = 0
            while true {
                var least = parent
                for child in [parent * 2 + 1, parent * 2 + 2] where child < flights.count && flights[child].isBefore(flights[least]) {
                    least = child
                }
                guard least != parent else { break }
                flights.swapAt(parent, least)
                parent = least
            }
        }
        return (first.due, first.record)
    }
}
