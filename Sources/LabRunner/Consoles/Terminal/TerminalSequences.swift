// What each control character and sequence does.
extension Terminal {
    mutating func control(_ byte: UInt8) {
        switch byte {
        case 0x08: screen.move(column: screen.column - 1)
        case 0x09: tab(1)
        case 0x0A, 0x0B, 0x0C: screen.lineFeed()
        case 0x0D: screen.move(column: 0)
        case 0x0E: modes.active = 1
        case 0x0F: modes.active = 0
        default: break
        }
    }

    /// ESC and one more byte.
    mutating func escape(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "7"): save()
        case UInt8(ascii: "8"): restore()
        case UInt8(ascii: "D"): screen.lineFeed()
        case UInt8(ascii: "E"):
            screen.move(column: 0)
            screen.lineFeed()
        case UInt8(ascii: "H"): stops.insert(screen.column)
        case UInt8(ascii: "M"): screen.reverseLineFeed()
        case UInt8(ascii: "c"): self = Terminal()
        default: break
        }
    }

    /// A control sequence with this final byte.
    mutating func perform(_ final: UInt8) {
        if sequence.marker == UInt8(ascii: "?") { return switchPrivate(final) }
        if sequence.marker != nil || sequence.intermediate != nil { return softReset(final) }
        let count = sequence.count()
        switch Character(Unicode.Scalar(final)) {
        case "@": screen.insertCharacters(count)
        case "A": screen.step(rows: -count)
        case "B", "e": screen.step(rows: count)
        case "C", "a": screen.move(column: screen.column + count)
        case "D": screen.move(column: screen.column - count)
        case "E":
            screen.step(rows: count)
            screen.move(column: 0)
        case "F":
            screen.step(rows: -count)
            screen.move(column: 0)
        case "G", "`": screen.move(column: count - 1)
        case "H", "f": place(row: count - 1, column: sequence.count(1) - 1)
        case "I": tab(count)
        case "J": eraseDisplay()
        case "K": eraseLine()
        case "L": screen.insertLines(count)
        case "M": screen.deleteLines(count)
        case "P": screen.deleteCharacters(count)
        case "S": screen.scroll(up: count)
        case "T": screen.scroll(down: count, from: screen.region.lowerBound)
        case "X": screen.erase(row: screen.row, columns: screen.column..<screen.column + count)
        case "Z": for _ in 0..<min(count, Screen.columns) { screen.move(column: stops.filter { $0 < screen.column }.max() ?? 0) }
        case "b":
            for _ in 0..<min(count, Screen.columns * Screen.rows) { screen.put(lastCharacter, wraps: modes.wraps, inserts: modes.inserts) }
        case "d": place(row: count - 1, column: screen.column)
        case "g": if sequence.first == 3 { stops = [] } else if sequence.first == 0 { stops.remove(screen.column) }
        case "h": if sequence.parameters.contains(4) { modes.inserts = true }
        case "l": if sequence.parameters.contains(4) { modes.inserts = false }
        case "r": setRegion()
        case "s": save()
        case "u": restore()
        default: break
        }
    }

    /// `CSI ? n h` and `CSI ? n l`.
    private mutating func switchPrivate(_ final: UInt8) {
        let isOn = final == UInt8(ascii: "h")
        if final == UInt8(ascii: "J") { return eraseDisplay() }
        if final == UInt8(ascii: "K") { return eraseLine() }
        guard isOn || final == UInt8(ascii: "l") else { return }
        for mode in sequence.parameters {
            switch mode {
            case 6:
                modes.isOrigin = isOn
                place(row: 0, column: 0)
            case 7: modes.wraps = isOn
            // The alternate screen: nobody looks at the other one here, but it begins empty.
            case 47, 1047, 1049: screen.erase(rows: 0..<Screen.rows)
            default: break
            }
        }
    }

    /// `CSI ! p`
    private mutating func softReset(_ final: UInt8) {
        guard sequence.intermediate == UInt8(ascii: "!"), final == UInt8(ascii: "p") else { return }
        modes = Modes()
        screen.region = 0...Screen.rows - 1
    }

    private mutating func place(row: Int, column: Int) {
        guard modes.isOrigin else { return screen.move(row: row, column: column) }
        screen.move(row: min(screen.region.lowerBound + row, screen.region.upperBound), column: column)
    }

    private mutating func tab(_ count: Int) {
        for _ in 0..<min(count, Screen.columns) {
            screen.move(column: stops.filter { $0 > screen.column }.min() ?? Screen.columns - 1)
        }
    }

    private mutating func eraseDisplay() {
        switch sequence.first {
        case 0:
            eraseLine(0)
            screen.erase(rows: screen.row + 1..<Screen.rows)
        case 1:
            eraseLine(1)
            screen.erase(rows: 0..<screen.row)
        case 2, 3: screen.erase(rows: 0..<Screen.rows)
        default: break
        }
    }

    private mutating func eraseLine() { eraseLine(sequence.first) }

    private mutating func eraseLine(_ part: Int) {
        switch part {
        case 0: screen.erase(row: screen.row, columns: screen.column..<Screen.columns)
        case 1: screen.erase(row: screen.row, columns: 0..<screen.column + 1)
        case 2: screen.erase(row: screen.row, columns: 0..<Screen.columns)
        default: break
        }
    }

    private mutating func setRegion() {
        let top = sequence.count() - 1
        let bottom = sequence.parameters.count > 1 && sequence.parameters[1] > 0 ? sequence.parameters[1] - 1 : Screen.rows - 1
        guard top < min(bottom, Screen.rows - 1) else { return }
        screen.region = top...min(bottom, Screen.rows - 1)
        place(row: 0, column: 0)
    }

    private mutating func save() { saved = Saved(row: screen.row, column: screen.column, modes: modes) }

    private mutating func restore() {
        modes = saved.modes
        screen.move(row: saved.row, column: saved.column)
    }
}
