import CPU

/// Commands that work on disks. `D` is the number that `blk` lists.
extension Commands {
    static var disks: [Shell.Command] {
        [
            .init(name: "blk", usage: "blk: the disks", run: list),
            .init(name: "read", usage: "read D SECTOR: shows a sector", run: read),
            .init(name: "write", usage: "write D SECTOR TEXT: a sector of TEXT and zeros", run: write),
            .init(name: "fill", usage: "fill D FROM COUNT BYTE: sectors full of BYTE", run: fill),
            .init(name: "sum", usage: "sum D FROM COUNT: the CRC-32 of sectors", run: sum),
            .init(name: "flush", usage: "flush D: writes are safe afterwards", run: flush),
            .init(name: "discard", usage: "discard D FROM COUNT: sectors nobody needs", run: discard),
        ]
    }

    private static func disk(_ kernel: Kernel, _ arguments: inout Arguments) throws(Fault) -> BlockDevice {
        let number = try arguments.number()
        guard number < UInt64(kernel.disks.count) else { throw .noSuchDisk }
        return kernel.disks[Int(number)]
    }

    private static func list(_ kernel: Kernel, _ terminal: Terminal, _ arguments: inout Arguments) throws(Fault) {
        for (number, disk) in kernel.disks.enumerated() {
            let access: StaticString = disk.isReadOnly ? "read-only" : "read-write"
            terminal.print("\(number): \(try disk.serial()) \(disk.capacity) sectors \(access)")
        }
        if kernel.disks.isEmpty { terminal.print("no disks") }
    }

    /// Sixteen bytes a line; lines of zeros are left out.
    private static func read(_ kernel: Kernel, _ terminal: Terminal, _ arguments: inout Arguments) throws(Fault) {
        let disk = try disk(kernel, &arguments)
        try disk.read(try arguments.number())
        var isEmpty = true
        for line in stride(from: 0 as UInt64, to: BlockDevice.sectorSize, by: 16) {
            guard load64(disk.buffer &+ line) | load64(disk.buffer &+ line &+ 8) != 0 else { continue }
            var text: Text = "\(hex: line, width: 4):"
            var letters: [UInt8] = []
            for offset in 0..<16 as Range<UInt64> {
                let byte = load8(disk.buffer &+ line &+ offset)
                text.bytes.append(0x20)
                text.append(UInt64(byte), radix: 16, width: 2)
                letters.append((0x20...0x7E).contains(byte) ? byte : 0x2E)
            }
            terminal.print("\(text)  \(letters)")
            isEmpty = false
        }
        if isEmpty { terminal.print("zeros") }
    }

    private static func write(_ kernel: Kernel, _ terminal: Terminal, _ arguments: inout Arguments) throws(Fault) {
        let disk = try disk(kernel, &arguments)
        let sector = try arguments.number()
        let text = arguments.text()
        guard text.count <= BlockDevice.sectorSize else { throw .outOfRange("TEXT") }
        fill_bytes(disk.buffer, 0, BlockDevice.sectorSize)
        for (offset, byte) in text.enumerated() { store8(disk.buffer &+ UInt64(offset), byte) }
        try disk.write(sector)
        terminal.print("written")
    }

    private static func fill(_ kernel: Kernel, _ terminal: Terminal, _ arguments: inout Arguments) throws(Fault) {
        let disk = try disk(kernel, &arguments)
        let first = try arguments.number()
        let count = try arguments.number()
        let byte = UInt8(truncatingIfNeeded: try arguments.number(upTo: 255, "BYTE"))
        fill_bytes(disk.buffer, byte, BlockDevice.bufferSectors * BlockDevice.sectorSize)
        try eachPiece(first, count) { (sector, count) throws(Fault) in try disk.write(sector, count) }
        terminal.print("filled \(count) sectors")
    }

    private static func sum(_ kernel: Kernel, _ terminal: Terminal, _ arguments: inout Arguments) throws(Fault) {
        let disk = try disk(kernel, &arguments)
        var checksum = Checksum()
        try eachPiece(try arguments.number(), try arguments.number()) { (sector, count) throws(Fault) in
            try disk.read(sector, count)
            for offset in 0..<count &* BlockDevice.sectorSize { checksum.add(load8(disk.buffer &+ offset)) }
        }
        terminal.print("crc32 \(hex: checksum.value, width: 8)")
    }

    private static func flush(_ kernel: Kernel, _ terminal: Terminal, _ arguments: inout Arguments) throws(Fault) {
        try disk(kernel, &arguments).flush()
        terminal.print("flushed")
    }

    private static func discard(_ kernel: Kernel, _ terminal: Terminal, _ arguments: inout Arguments) throws(Fault) {
        let disk = try disk(kernel, &arguments)
        guard disk.canDiscard else { throw .deviceRefused("discard") }
        let first = try arguments.number()
        let count = try arguments.number(upTo: UInt64(UInt32.max), "COUNT")
        try disk.discard(first, UInt32(count))
        terminal.print("discarded \(count) sectors")
    }

    /// Cuts a range of sectors into pieces that fit the buffer.
    private static func eachPiece(_ first: UInt64, _ count: UInt64, _ body: (UInt64, UInt64) throws(Fault) -> Void) throws(Fault) {
        guard !first.addingReportingOverflow(count).overflow else { throw .outOfRange("COUNT") }
        var done: UInt64 = 0
        while done < count {
            let piece = min(count - done, BlockDevice.bufferSectors)
            try body(first + done, piece)
            done += piece
        }
    }
}
