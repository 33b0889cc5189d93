/// Where everything in a picture of a lab stands, in pixels: a function of the topology and nothing else.
///
///     Lab shop   up
///                          ( outside )
///                        ┌─────┴─────┐ ┌───────────┐
///                        │ lan       │ │ wan       │      a network: its header, and a rail down from it
///                        └──┬────────┘ └──┬────────┘
///     ┌───────────┐         ┃10.20.0.10   ┃10.30.0.2
///     │ web ready ├─────────●─────────────●               a machine: its card, and a wire to each of its rails
///     └───────────┘         ┃             ┃
///     ┌───────────┐         ┃             ┃10.30.0.3
///     │ db  ready ├─────────)─────────────●               a rail that is not the machine's is stepped over
///     └───────────┘
///
/// Many machines stand in several columns, each with the headers and rails that it needs.
struct Layout: Hashable, Sendable {
    var columns: [Column] = []
    var width = 0.0
    var height = 0.0

    struct Column: Hashable, Sendable {
        /// The left edge of the cards.
        var x: Double
        var lanes: [Lane]
        var rows: [Row]
    }

    struct Lane: Hashable, Sendable {
        var network: Int
        /// The middle of the rail.
        var x: Double
        /// The lowest wire that ends at it; the header's bottom where there is none.
        var bottom: Double
    }

    struct Row: Hashable, Sendable {
        var machine: Int
        /// The top of the card.
        var y: Double
        var height: Double
        /// Where the wire is.
        var middle: Double { y + height / 2 }
    }

    static let margin = 28.0
    static let titleHeight = 40.0
    static let uplinkHeight = 44.0
    static let headerLine = 17.0
    static let headerWidth = 186.0
    static let laneGap = 16.0
    /// From a header's left edge to its rail.
    static let railInset = 22.0
    static let cardWidth = 236.0
    /// Between cards and the first header.
    static let cardGap = 26.0
    static let rowGap = 16.0
    static let columnGap = 56.0
    static let footHeight = 14.0

    init(_ topology: Topology) {
        let machines = topology.machines
        var count = 1
        // As many columns as keep it from being much taller than wide.
        while count < machines.count, count < 12 {
            let widest = Self.columnWidth(lanes: topology.networks.count) * Double(count) + Self.columnGap * Double(count - 1)
            let rows = (machines.count + count - 1) / count
            let tall = Double(rows) * (Self.cardHeight(lines: 2) + Self.rowGap)
            if tall <= 1000 || tall <= widest { break }
            count += 1
        }
        let perColumn = max(1, (machines.count + count - 1) / count)
        var x = Self.margin
        let top = Self.headerTop(topology)
        let firstRow = top + Self.headerHeight(topology) + 22
        height = firstRow
        for start in stride(from: 0, to: max(1, machines.count), by: perColumn) {
            let members = Array(machines.indices[min(start, machines.count)..<min(start + perColumn, machines.count)])
            let column = Self.column(topology, members, x: x, top: firstRow, isFirst: start == 0)
            columns.append(column)
            for row in column.rows { height = max(height, row.y + row.height) }
            x += Self.columnWidth(lanes: column.lanes.count) + Self.columnGap
        }
        width = max(x - Self.columnGap + Self.margin, 420)
        height += Self.footHeight + Self.margin
    }

    private static func column(_ topology: Topology, _ members: [Int], x: Double, top: Double, isFirst: Bool) -> Column {
        // A network that nobody is on is shown once, where the eye begins.
        let used = Set(members.flatMap { topology.machines[$0].ports.map(\.network) })
        let lonely = Set(topology.networks.indices).subtracting(topology.machines.flatMap { $0.ports.map(\.network) })
        let networks = topology.networks.indices.filter { used.contains($0) || isFirst && lonely.contains($0) }
        var lanes = networks.enumerated().map { place, network in
            Lane(
                network: network, x: x + cardWidth + cardGap + Double(place) * (headerWidth + laneGap) + railInset,
                bottom: top - 22)
        }
        var rows: [Row] = []
        var y = top
        for machine in members {
            let row = Row(machine: machine, y: y, height: cardHeight(lines: topology.machines[machine].publish.isEmpty ? 2 : 3))
            y += row.height + rowGap
            for index in lanes.indices where topology.machines[machine].ports.contains(where: { $0.network == lanes[index].network }) {
                lanes[index].bottom = row.middle
            }
            rows.append(row)
        }
        return Column(x: x, lanes: lanes, rows: rows)
    }

    static func columnWidth(lanes: Int) -> Double {
        cardWidth + (lanes == 0 ? 0 : cardGap + Double(lanes) * headerWidth + Double(lanes - 1) * laneGap)
    }

    static func cardHeight(lines: Int) -> Double { lines > 2 ? 76 : 58 }

    /// The top of the networks' headers.
    static func headerTop(_ topology: Topology) -> Double {
        margin + titleHeight + (topology.networks.contains(where: \.hasUplink) ? uplinkHeight : 0) + 8
    }

    /// All headers are as tall as the one that has most to say.
    static func headerHeight(_ topology: Topology) -> Double {
        guard !topology.networks.isEmpty else { return 0 }
        let most = topology.networks.map(\.facts.count).max() ?? 0
        return 56 + Double(most) * headerLine
    }
}
