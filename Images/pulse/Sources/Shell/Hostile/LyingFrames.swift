import CPU

/// What a liar sends: chains of every length, headers that promise what is not there.
extension NetworkLiar {
    /// For local experiments (IEEE 802): nobody answers that.
    private static let experimentalType: UInt16 = 0x88B5
    private static let headerSize = NetworkDevice.headerSize
    /// The largest IP packet with its Ethernet header, and what is more than that.
    private static let greatLengths = [65_548, 65_549, 65_550, 65_557, 65_558, 100_000]
    private static let offRAM: [UInt64] = [0xFEE0_0000, 0xFFFF_FFFF_FFFF_F000, 0xFFFF_FFFF_FFFF_FFFF, 1 << 40, 0xA_0000, 0xD000_0000]

    /// The scratch memory as header and frame.
    private var frame: Packet {
        Packet(address: scratch.address &+ UInt64(Self.headerSize), count: Int(Self.scratchSize) - Self.headerSize)
    }

    private var header: Packet { Packet(address: scratch.address, count: Self.headerSize) }

    private func readable(_ offset: Int, _ length: UInt32) -> Virtqueue.Segment {
        .init(address: scratch.address &+ UInt64(offset), length: length, deviceWrites: false)
    }

    private func prepare(type: UInt16 = experimentalType) {
        header.clear(0, Self.headerSize)
        frame.put(MACAddress.broadcast, at: 0)
        frame.put(device.address, at: 6)
        frame.put(type, at: 12)
    }

    // MARK: Lengths

    /// Frames of no length, of hardly any, of too much; headers in crumbs; memory that is none.
    func sendLengths() throws(Fault) {
        prepare()
        for length in 0...UInt32(Self.headerSize + NetworkDevice.ethernetSize) { try offer([readable(0, length)], on: .sending) }
        for length in Self.greatLengths { try offer([readable(0, UInt32(Self.headerSize + length))], on: .sending) }
        for length in [1 << 20, 1 << 31, UInt32.max] { try offer([readable(0, length)], on: .sending) }
        let most = Int(device.sending.size)
        try offer((0..<most).map { readable($0, 1) }, on: .sending)
        try offer((0..<most).map { readable(0, $0 == most - 1 ? 60 : 0) }, on: .sending)
        try offer((0..<most).map { _ in readable(0, UInt32(Self.scratchSize)) }, on: .sending)
        try offer((0..<most).map { _ in readable(0, UInt32.max) }, on: .sending)
        try offer((0..<Self.headerSize).map { readable($0, 1) } + [readable(Self.headerSize, 60)], on: .sending)
        try offer([.init(address: scratch.address, length: 100, deviceWrites: true)], on: .sending)
        try offer([readable(0, 60), .init(address: scratch.address, length: 100, deviceWrites: true)], on: .sending)
        for address in Self.offRAM {
            try offer([.init(address: address, length: 4096, deviceWrites: false)], on: .sending)
            try offer([readable(0, 12), .init(address: address, length: 0x7FFF_FFFF, deviceWrites: false)], on: .sending)
        }
    }

    // MARK: Headers

    /// A TCP segment as it should be: 14 Ethernet, 20 IP, 20 TCP.
    private func prepareSegment(_ count: Int) {
        prepare(type: Interface.EtherType.ipv4)
        frame.put(0x4500 as UInt16, at: 14)
        frame.put(UInt16(truncatingIfNeeded: count - 14), at: 16)
        frame.put(0x4000 as UInt16, at: 20)
        frame.put(0x4006 as UInt16, at: 22)
        frame.put(0x5010 as UInt16, at: 46)
    }

    private func put(flags: UInt8, kind: UInt8, headerCount: UInt16, size: UInt16, start: UInt16, offset: UInt16) {
        header.put(flags, at: 0)
        header.put(kind, at: 1)
        for (place, value) in [headerCount, size, start, offset].enumerated() { header.put(value.byteSwapped, at: 2 + place * 2) }
    }

    /// Segmentation that was never negotiated, of every kind there is and is not, otherwise without fault.
    func sendUnnegotiated(kind: UInt8, count: Int) throws(Fault) {
        prepareSegment(count)
        put(flags: 1, kind: kind, headerCount: 54, size: 1460, start: 34, offset: 16)
        try offer([readable(0, UInt32(Self.headerSize + count))], on: .sending)
    }

    /// Headers that lie about the frame, and frames that lie about themselves.
    func sendHeader() throws(Fault) {
        let count = [14, 33, 34, 53, 54, 55, 60, 1514, 9014, 60_000][random.next(10)]
        prepareSegment(count)
        for _ in 0..<random.next(3) { frame.put(UInt8(truncatingIfNeeded: random.provocation()), at: 12 + random.next(42)) }
        let places = [0, 13, 14, 33, 34, 54, count - 2, count - 1, count, 65_535]
        let sizes = [0, 1, 2, 536, 1460, 65_535]
        put(
            flags: UInt8(truncatingIfNeeded: [0, 1, 1, 1, 2, 3, 255][random.next(7)]),
            kind: UInt8(truncatingIfNeeded: [0, 1, 1, 3, 4, 4, 5, 0x80, 0x81, 0x84, 255][random.next(11)]),
            headerCount: UInt16(truncatingIfNeeded: places[random.next(places.count)]),
            size: UInt16(truncatingIfNeeded: sizes[random.next(sizes.count)]),
            start: UInt16(truncatingIfNeeded: random.next(2) == 0 ? 34 : places[random.next(places.count)]),
            offset: UInt16(truncatingIfNeeded: random.next(2) == 0 ? 16 : places[random.next(places.count)]))
        try offer([readable(0, UInt32(Self.headerSize + count))], on: .sending)
    }

    // MARK: Addresses

    /// A frame from anybody to anybody, tagged or not, of any size that the card sends: for the switch behind it.
    func sendStranger(known: [MACAddress]) throws(Fault) {
        prepare()
        let stranger = MACAddress(bits: random.next() & 0xFEFF_FFFF_FFFF)
        frame.put(random.next(8) == 0 && !known.isEmpty ? known[random.next(known.count)] : stranger, at: 6)
        switch random.next(8) {
        case 0: frame.put(MACAddress(bits: 0x0180_C200_0000 | random.next() & 0xFF), at: 0)
        case 1: frame.put(MACAddress(bits: random.next() & 0xFFFF_FFFF_FFFF), at: 0)
        case 2: frame.put(MACAddress(bits: 0x0100_0000_0001), at: 6)
        case 3: frame.put(device.address, at: 0)
        default: break
        }
        switch random.next(6) {
        case 0: frame.put(0x8100_0000 | UInt32(random.next(65_536)), at: 12)
        case 1: frame.put(0x88A8_0FFF as UInt32, at: 12)
        case 2: frame.put([0x88CC, 0x8808, 0x0026, 0x0806, 0x86DD][random.next(5)] as UInt16, at: 12)
        default: break
        }
        let count = NetworkDevice.ethernetSize + random.next(random.next(16) == 0 ? 9000 : device.mtu)
        try offer([readable(0, UInt32(Self.headerSize + count))], on: .sending)
    }

    // MARK: Commands

    /// Tables of 2^32 - 1 addresses, no pairs of queues and one too many, offloads nobody has, and one command that is right.
    private static let knownCommands: [[UInt8]] = [
        [1, 0, 255, 255, 255, 255], [1, 0, 0, 0, 0, 0, 255, 255, 255, 255], [1, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 1],
        [4, 0, 0, 0], [4, 0, 1, 128], [5, 0, 255, 255, 255, 255, 255, 255, 255, 255], [0], [0, 0], [0, 0, 1],
    ]

    /// A command without sense; whether the device refused it, `nil` if it did not say.
    func command() throws(Fault) -> Bool? {
        let data = Packet(address: scratch.address, count: Int(Self.scratchSize))
        let classes: [UInt8] = [0, 1, 2, 3, 4, 5, 6, 255]
        data.put(classes[random.next(classes.count)], at: 0)
        data.put(UInt8(truncatingIfNeeded: random.next(8) == 0 ? random.next(256) : random.next(4)), at: 1)
        for offset in stride(from: 2, to: 34, by: 4) { data.put(UInt32(truncatingIfNeeded: random.provocation()), at: offset) }
        let known = attempts < Self.knownCommands.count ? Self.knownCommands[Int(attempts)] : []
        data.put(known, at: 0)
        let length =
            !known.isEmpty ? known.count : [0, 1, 2, 3, 4, 6, 8, 10, 14, 24, 16_384, 16_385, Int(Self.scratchSize)][random.next(13)]
        let acknowledgement = scratch.address &+ 0x8000
        store8(acknowledgement, 0xFF)
        var chain = [readable(0, UInt32(length))]
        if !known.isEmpty || random.next(16) != 0 {
            chain.append(.init(address: acknowledgement, length: known.isEmpty && random.next(16) == 0 ? 0 : 1, deviceWrites: true))
        }
        let before = completions
        try offer(chain, on: .control)
        let said = load8(acknowledgement)
        return completions == before || said == 0xFF ? nil : said != 0
    }

    // MARK: Buffers

    /// How receive buffers may be wrong.
    enum Buffers: CaseIterable { case none, tiny, readable, small, outside, fragments, late }

    /// Gives the device bad buffers, as many as there is room for.
    func give(_ kind: Buffers) {
        let queue = device.receiving
        func submit(_ segments: [Virtqueue.Segment]) { _ = queue.submit(segments) }
        while queue.takeCompletion() != nil {}
        var left = kind == .late ? 1 : Int(queue.size)
        while left > 0, queue.nextHead != nil, kind != .none {
            let length = UInt32(random.next(kind == .tiny ? 12 : 64))
            switch kind {
            case .none: return
            case .tiny, .small: submit([.init(address: place(64), length: length, deviceWrites: true)])
            case .readable: submit([.init(address: place(2048), length: 2048, deviceWrites: false)])
            case .outside: submit([.init(address: Self.offRAM[random.next(Self.offRAM.count)], length: 4096, deviceWrites: true)])
            case .fragments: submit((0..<16).map { .init(address: scratch.address &+ UInt64($0), length: 1, deviceWrites: true) })
            case .late: submit([.init(address: place(4096), length: 4096, deviceWrites: true)])
            }
            left -= kind == .fragments ? 16 : 1
        }
        queue.ring()
    }
}
