/// Waits until a console shows a text: in the stream, without its terminal control, or on the screen that the stream draws.
///
/// A line of a log matches in the stream. What a full-screen program (a boot menu, a memory tester, firmware) puts together by cursor moves matches on
/// the screen, in one row.
package struct ConsoleWatch: Sendable {
    private let pattern: [Unicode.Scalar]
    private var stream: PatternWatch
    private var terminal = Terminal()

    package init(_ text: String) {
        pattern = Array(text.unicodeScalars)
        stream = PatternWatch(text)
    }

    /// True when the text was said or is shown since these bytes.
    package mutating func found(in bytes: [UInt8]) -> Bool {
        terminal.write(bytes)
        let isShown = terminal.screen.showsAnew(pattern)
        return stream.found(in: bytes) || (isShown && !pattern.isEmpty)
    }
}
