/// The picture's own style sheet: light, and dark where the reader prefers that. Plain classes, no variables: every viewer knows them.
enum Style {
    /// One for each network in turn, light and dark; what they say is said in words as well.
    static let hues: [(light: String, dark: String)] = [
        ("#0969da", "#58a6ff"), ("#bc4c00", "#f0883e"), ("#1a7f37", "#3fb950"), ("#8250df", "#bc8cff"), ("#bf3989", "#f778ba"),
        ("#0e7490", "#39c5cf"), ("#9a6700", "#e3b341"), ("#cf222e", "#ff7b72"),
    ]

    static func hue(_ network: Int) -> Int { network % hues.count }

    static var sheet: String {
        """
        text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;font-size:12px}
        .title{font-size:20px;font-weight:700}
        .name{font-size:15px;font-weight:700}
        .data{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace}
        .end{text-anchor:end}
        .middle{text-anchor:middle}
        .rail{fill:none;stroke-width:5;stroke-linecap:round}
        .drop{stroke-width:2.5;stroke-linecap:round}
        .wire{fill:none;stroke-width:2}
        .cut{stroke-dasharray:2 6;stroke-linecap:round}
        .dot{stroke-width:3.5}
        .card,.pill{stroke-width:1}
        .mark{stroke-width:2.5}
        \(palette(isDark: false))
        @media (prefers-color-scheme:dark){
        \(palette(isDark: true))
        }
        """
    }

    private static func palette(isDark: Bool) -> String {
        func pick(_ light: String, _ dark: String) -> String { isDark ? dark : light }
        var rules = [
            ".ground{fill:\(pick("#f6f8fa", "#0d1117"))}",
            ".card{fill:\(pick("#ffffff", "#161b22"));stroke:\(pick("#d1d9e0", "#3d444d"))}",
            ".pill{fill:\(pick("#eaeef2", "#212830"));stroke:\(pick("#d1d9e0", "#3d444d"))}",
            "text{fill:\(pick("#1f2328", "#f0f6fc"))}",
            ".soft{fill:\(pick("#59636e", "#9198a1"))}",
            ".wire{stroke:\(pick("#818b98", "#8b949e"))}",
            ".dot{fill:\(pick("#ffffff", "#0d1117"))}",
            ".good{fill:\(pick("#1a7f37", "#3fb950"));stroke:\(pick("#1a7f37", "#3fb950"))}",
            ".busy{fill:none;stroke:\(pick("#9a6700", "#d29922"))}",
            ".poor{fill:\(pick("#bc4c00", "#f0883e"));stroke:\(pick("#bc4c00", "#f0883e"))}",
            ".gone{fill:\(pick("#818b98", "#8b949e"));stroke:\(pick("#818b98", "#8b949e"))}",
        ]
        for (index, hue) in hues.enumerated() {
            let colour = pick(hue.light, hue.dark)
            rules.append(".n\(index){stroke:\(colour)}.f\(index){fill:\(colour)}")
        }
        return rules.joined(separator: "\n")
    }
}
