extension Topology {
    /// A picture in one file: no script, no font, nothing fetched.
    package var svg: String {
        let layout = Layout(self)
        var markup = Markup()
        markup.element(
            "svg",
            [
                "xmlns": "http://www.w3.org/2000/svg", "width": .pixels(layout.width), "height": .pixels(layout.height),
                "viewBox": .words("0 0 \(Markup.number(layout.width)) \(Markup.number(layout.height))"), "role": "img",
                "aria-labelledby": "title description",
            ]
        ) { svg in
            svg.words("title", ["id": "title"], "Lab \(lab)")
            svg.words("desc", ["id": "description"], description)
            svg.element("style") { $0.raw(Style.sheet) }
            svg.element("rect", ["class": "ground", "width": .pixels(layout.width), "height": .pixels(layout.height)])
            drawTitle(layout, &svg)
            for column in layout.columns {
                for lane in column.lanes { drawRail(lane, &svg) }
                for row in column.rows { drawWire(row, column, &svg) }
                for lane in column.lanes { drawHeader(lane, &svg) }
                for row in column.rows { drawCard(row, column, &svg) }
            }
        }
        return markup.text
    }

    /// The whole of it in words.
    private var description: String {
        func counted(_ count: Int, _ noun: String) -> String { count == 1 ? "1 \(noun)" : "\(count) \(noun)s" }
        var sentences = ["\(counted(machines.count, "machine")) on \(counted(networks.count, "network"))\(state.map { ", \($0)" } ?? "")."]
        sentences += networks.map { "Network \($0.summary)." }
        sentences += machines.map { "Machine \($0.summary(networks))." }
        return sentences.joined(separator: " ")
    }

    private func drawTitle(_ layout: Layout, _ svg: inout Markup) {
        let y = Layout.margin + 20
        let side = state.map { Lettering.small.width($0) + 24 } ?? 0
        let room = layout.width - 2 * Layout.margin - side
        svg.label(lab, .title, x: Layout.margin, y: y, width: room, "title")
        guard let state else { return }
        svg.element("g", ["class": "state"]) { svg in
            let right = layout.width - Layout.margin
            svg.element(
                "rect", ["class": "pill", "x": .pixels(right - side), "y": .pixels(y - 18), "width": .pixels(side), "height": 24, "rx": 12])
            svg.words("text", ["class": "middle", "x": .pixels(right - side / 2), "y": .pixels(y - 2)], state)
        }
    }
}

// MARK: Networks

extension Topology {
    private var headerTop: Double { Layout.headerTop(self) }
    private var headerBottom: Double { headerTop + Layout.headerHeight(self) }

    private func drawRail(_ lane: Layout.Lane, _ svg: inout Markup) {
        guard lane.bottom > headerBottom else { return }
        svg.element(
            "path",
            ["class": "rail n\(Style.hue(lane.network))", "d": "M\(pixels(lane.x)) \(pixels(headerBottom))V\(pixels(lane.bottom))"])
    }

    private func drawHeader(_ lane: Layout.Lane, _ svg: inout Markup) {
        let network = networks[lane.network]
        let hue = Style.hue(lane.network)
        let left = lane.x - Layout.railInset
        let text = left + 14
        let room = Layout.headerWidth - 28
        svg.element("g", ["class": "network"]) { svg in
            svg.words("title", [:], "Network \(network.summary)")
            if network.hasUplink { drawUplink(lane, &svg) }
            svg.element(
                "rect",
                [
                    "class": "card", "x": .pixels(left), "y": .pixels(headerTop), "width": .pixels(Layout.headerWidth),
                    "height": .pixels(headerBottom - headerTop), "rx": 10,
                ])
            // The rail's colour along the header's foot, from one rounded corner to the other.
            let (bottom, right) = (headerBottom, left + Layout.headerWidth)
            svg.element(
                "path", ["class": "rail n\(hue)", "d": "M\(pixels(left + 10)) \(pixels(bottom))H\(pixels(right - 10))"])
            svg.label(network.name, .name, x: text, y: headerTop + 23, width: room, "name")
            svg.label(network.subnet, .data, x: text, y: headerTop + 41, width: room, "data")
            for (index, fact) in network.facts.enumerated() {
                svg.label(fact, .small, x: text, y: headerTop + 58 + Double(index) * Layout.headerLine, width: room, "soft")
            }
        }
    }

    private func drawUplink(_ lane: Layout.Lane, _ svg: inout Markup) {
        let top = headerTop - Layout.uplinkHeight
        svg.element(
            "path",
            ["class": "drop n\(Style.hue(lane.network))", "d": "M\(pixels(lane.x)) \(pixels(top + 20))V\(pixels(headerTop))"])
        svg.element(
            "rect",
            ["class": "pill", "x": .pixels(lane.x - Layout.railInset), "y": .pixels(top), "width": 104, "height": 26, "rx": 13])
        svg.words("text", ["x": .pixels(lane.x - Layout.railInset + 14), "y": .pixels(top + 17)], "outside, nat")
    }
}

// MARK: Machines

extension Topology {
    private func drawWire(_ row: Layout.Row, _ column: Layout.Column, _ svg: inout Markup) {
        let machine = machines[row.machine]
        let lanes = column.lanes
        func port(_ lane: Layout.Lane) -> Port? { machine.ports.first { $0.network == lane.network } }
        guard let last = lanes.lastIndex(where: { port($0) != nil }) else { return }
        let y = row.middle
        var path = "M\(pixels(column.x + Layout.cardWidth)) \(pixels(y))"
        for lane in lanes[..<last] where port(lane) == nil && lane.bottom > y {
            // Over a rail that is not its own.
            path += "H\(pixels(lane.x - 8))a8 8 0 0 1 16 0"
        }
        path += "H\(pixels(lanes[last].x))"
        let isCut = machine.ports.allSatisfy { !$0.isUp }
        svg.element("path", ["class": .words(isCut ? "wire cut" : "wire"), "d": .words(path)])
        for lane in lanes[...last] {
            if let port = port(lane) { drawPort(port, lane, y, &svg) }
        }
    }

    private func drawPort(_ port: Port, _ lane: Layout.Lane, _ y: Double, _ svg: inout Markup) {
        let hue = Style.hue(lane.network)
        let room = Layout.headerWidth - Layout.railInset - 16
        svg.element("g", ["class": "port"]) { svg in
            svg.words("title", [:], port.summary(networks))
            svg.element("circle", ["class": "dot n\(hue)", "cx": .pixels(lane.x), "cy": .pixels(y), "r": 6.5])
            if !port.isUp {
                let (x, d) = (lane.x, 8.0)
                svg.element(
                    "path",
                    [
                        "class": "drop n\(hue)",
                        "d":
                            "M\(pixels(x - d)) \(pixels(y - d))L\(pixels(x + d)) \(pixels(y + d))M\(pixels(x - d)) \(pixels(y + d))L\(pixels(x + d)) \(pixels(y - d))",
                    ])
            }
            svg.label(port.address, .data, x: lane.x + 13, y: y - 7, width: room, "data")
            // Two lines have room; a third shares the second.
            let facts = port.facts
            if let first = facts.first { svg.label(first, .small, x: lane.x + 13, y: y + 16, width: room, "soft") }
            let rest = facts.dropFirst().joined(separator: ", ")
            if !rest.isEmpty { svg.label(rest, .small, x: lane.x + 13, y: y + 31, width: room, "soft") }
        }
    }

    private func drawCard(_ row: Layout.Row, _ column: Layout.Column, _ svg: inout Markup) {
        let machine = machines[row.machine]
        let left = column.x
        let right = left + Layout.cardWidth
        let room = Layout.cardWidth - 28
        svg.element("g", ["class": "machine"]) { svg in
            svg.words("title", [:], "Machine \(machine.summary(networks))")
            svg.element(
                "rect",
                [
                    "class": "card", "x": .pixels(left), "y": .pixels(row.y), "width": .pixels(Layout.cardWidth),
                    "height": .pixels(row.height), "rx": 10,
                ])
            var nameRoom = room
            if let state = machine.state {
                nameRoom -= Lettering.small.width(state) + 28
                svg.words("text", ["class": "end soft", "x": .pixels(right - 32), "y": .pixels(row.y + 24)], state)
                drawMark(state, right - 20, row.y + 20, &svg)
            }
            svg.label(machine.name, .name, x: left + 14, y: row.y + 24, width: nameRoom, "name")
            svg.label("\(machine.image), \(machine.size)", .small, x: left + 14, y: row.y + 44, width: room, "soft")
            if let first = machine.publish.first {
                let more = machine.publish.count > 1 ? " and \(machine.publish.count - 1) more" : ""
                svg.label(first + more, .small, x: left + 14, y: row.y + 63, width: room, "")
            }
        }
    }

    /// A form for each kind of state, beside the word.
    private func drawMark(_ state: String, _ x: Double, _ y: Double, _ svg: inout Markup) {
        switch state {
        case "ready": svg.element("circle", ["class": "mark good", "cx": .pixels(x), "cy": .pixels(y), "r": 5])
        case "unready":
            svg.element("path", ["class": "mark poor", "d": "M\(pixels(x)) \(pixels(y - 5))l5.5 10h-11z"])
        case "ended": svg.element("path", ["class": "mark gone", "d": "M\(pixels(x - 5)) \(pixels(y - 5))h10v10h-10z"])
        default: svg.element("circle", ["class": "mark busy", "cx": .pixels(x), "cy": .pixels(y), "r": 5])
        }
    }
}

private func pixels(_ value: Double) -> String { Markup.number(value) }

// MARK: Words

extension Topology.Network {
    fileprivate var summary: String {
        ([name, subnet] + facts + (hasUplink ? ["uplink nat"] : [])).joined(separator: ", ")
    }
}

extension Topology.Port {
    fileprivate func summary(_ networks: [Topology.Network]) -> String {
        (["\(networks[network].name) \(address)", address6, mac] + facts).joined(separator: ", ")
    }
}

extension Topology.Machine {
    fileprivate func summary(_ networks: [Topology.Network]) -> String {
        var words = [name, image, size]
        if let state { words.append(state) }
        words += publish
        words += ports.map { "\(networks[$0.network].name) \($0.address)" + $0.facts.map { " \($0)" }.joined() }
        if !after.isEmpty { words.append("after \(after.joined(separator: " and "))") }
        return words.joined(separator: ", ")
    }
}
