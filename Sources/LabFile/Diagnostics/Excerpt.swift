/// A source line as a terminal shows it, and the line with the caret below it.
struct Excerpt: Equatable {
    var line: String
    var caret: String

    /// Code points that are shown of a long line, about a screen's width.
    private static let width = 120
    /// Code points before the caret that a long line keeps.
    private static let lead = 60

    /// - Parameters:
    ///   - column: in code points, from 1; may be one past the end.
    ///   - length: in code points; 0 and 1 both give a bare caret.
    init(line text: String, column: Int, length: Int) {
        let scalars = Array(text.unicodeScalars)
        let place = min(max(0, column - 1), scalars.count)
        let start = scalars.count > Excerpt.width && place > Excerpt.lead ? place - Excerpt.lead : 0
        let end = min(scalars.count, start + Excerpt.width)
        line = start > 0 ? "…" : ""
        caret = start > 0 ? " " : ""
        for scalar in scalars[start..<place] {
            line.unicodeScalars.append(Excerpt.shown(scalar))
            // A tab is repeated, so that both lines jump to the same stop whatever it is.
            caret += scalar == "\t" ? "\t" : String(repeating: " ", count: Excerpt.cells(scalar))
        }
        caret += "^"
        var remaining = max(0, length - 1)
        for (index, scalar) in scalars[place..<max(place, end)].enumerated() {
            line.unicodeScalars.append(Excerpt.shown(scalar))
            if index == 0 {
                caret += String(repeating: "~", count: length > 1 ? max(0, Excerpt.cells(scalar) - 1) : 0)
            } else if remaining > 0 {
                caret += scalar == "\t" ? "~" : String(repeating: "~", count: Excerpt.cells(scalar))
                remaining -= 1
            }
        }
        if end < scalars.count { line += "…" }
        while let last = line.unicodeScalars.last, last == " " || last == "\t" { line.unicodeScalars.removeLast() }
    }

    /// What would move the cursor, reorder the line or show nothing is shown as a replacement character.
    static func shown(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        if scalar == "\t" { return scalar }
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .lineSeparator, .paragraphSeparator: return "\u{FFFD}"
        default: return scalar
        }
    }

    /// How many cells of a terminal a code point takes (Unicode Standard Annex 11, the wide blocks).
    static func cells(_ scalar: Unicode.Scalar) -> Int {
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark: return 0
        default: break
        }
        switch scalar.value {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xA000...0xA4CF, 0xAC00...0xD7A3,
            0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F680...0x1F6FF, 0x1F900...0x1F9FF,
            0x20000...0x3FFFD:
            return 2
        default: return 1
        }
    }
}

/// One character as a message quotes it: by its number where it cannot be seen alone.
func quoted(_ scalar: Unicode.Scalar) -> String {
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .lineSeparator, .paragraphSeparator, .spaceSeparator, .nonspacingMark, .enclosingMark, .spacingMark,
        .unassigned, .privateUse:
        let digits = String(scalar.value, radix: 16, uppercase: true)
        return "U+" + String(repeating: "0", count: max(0, 4 - digits.utf8.count)) + digits
    default: return quoted(String(scalar))
    }
}

/// A word of a file as a message quotes it: on one line, printable, and short.
func quoted(_ word: String) -> String {
    var text = "`"
    var count = 0
    for scalar in word.unicodeScalars {
        if count == 40 {
            text += "…"
            break
        }
        if scalar == "\n" {
            text += "\\n"
        } else if scalar == "\t" {
            text += "\\t"
        } else {
            text.unicodeScalars.append(Excerpt.shown(scalar))
        }
        count += 1
    }
    return text + "`"
}
