/// How wide text is, without asking a font: never less than in the widest of the common ones, so that what fits here fits there.
struct Lettering: Hashable, Sendable {
    var size: Double
    var weight: Weight

    enum Weight: Hashable, Sendable { case regular, bold, mono }

    /// DejaVu Sans Bold, the widest of what a `sans-serif` is likely to be; thousandths of the size, from the space on.
    private static let widths: [Double] = [
        348, 456, 521, 838, 696, 1002, 872, 306, 457, 457, 523, 838, 380, 415, 380, 365,
        696, 696, 696, 696, 696, 696, 696, 696, 696, 696, 400, 400, 838, 838, 838, 580,
        1000, 774, 762, 734, 830, 683, 683, 821, 837, 372, 372, 775, 637, 995, 837, 850,
        733, 850, 770, 720, 682, 812, 774, 1103, 771, 724, 725, 457, 365, 457, 838, 500,
        500, 675, 716, 593, 716, 678, 435, 716, 712, 343, 343, 665, 343, 1042, 712, 687,
        716, 716, 493, 595, 478, 712, 652, 924, 645, 652, 582, 712, 365, 712, 838,
    ]

    func width(_ text: some StringProtocol) -> Double {
        var sum = 0.0
        for scalar in text.unicodeScalars { sum += width(of: scalar) }
        return sum * size / 1000
    }

    private func width(of scalar: Unicode.Scalar) -> Double {
        let index = Int(scalar.value) - 32
        guard index >= 0, index < Self.widths.count else { return scalar.value < 0x1100 ? 900 : 1400 }
        switch weight {
        case .mono: return 616
        case .bold: return Self.widths[index]
        case .regular: return Self.widths[index] * 0.93
        }
    }

    /// The text, or as much of it as fits with an ellipsis.
    func fitted(_ text: String, into width: Double) -> String {
        if self.width(text) <= width { return text }
        var kept = ""
        var sum = self.width("…")
        for character in text {
            sum += self.width(String(character))
            if sum > width { break }
            kept.append(character)
        }
        while kept.last == " " || kept.last == "," { kept.removeLast() }
        return kept + "…"
    }

    static let title = Lettering(size: 20, weight: .bold)
    static let name = Lettering(size: 15, weight: .bold)
    static let small = Lettering(size: 12, weight: .regular)
    static let data = Lettering(size: 12, weight: .mono)
}
