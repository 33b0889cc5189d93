/// The cells of a terminal and its cursor: 25 rows of 80 characters, and what can be done to them.
///
/// Every position is clamped, so no caller and no guest can reach outside. Colours are not kept: this is for reading.
package struct Screen: Sendable {
    package static let columns = 80
    package static let rows = 25
    static let blank: Unicode.Scalar = " "

    private typealias Row = [Unicode.Scalar]
    private static let emptyRow = Row(repeating: blank, count: columns)

    private var cells = [Row](repeating: emptyRow, count: rows)
    /// Rows that were changed since `takeChanged`.
    private var changed: Set<Int> = []
    package private(set) var row = 0
    package private(set) var column = 0
    /// The last column was written: the next character goes to the next line.
    private(set) var wrapsNext = false
    /// What scrolls: a cursor at its last row that goes down moves these rows up.
    var region = 0...rows - 1

    // MARK: Reading

    /// All rows as text, without the blanks at their ends.
    package var text: [String] { cells.map { Self.trimmed($0) } }

    private static func trimmed(_ row: Row) -> String {
        var text = String.UnicodeScalarView()
        text.append(contentsOf: row[..<((row.lastIndex { $0 != blank }).map { $0 + 1 } ?? 0)])
        return String(text)
    }

    /// Whether one of the rows that changed since the last look shows `pattern`.
    mutating func showsAnew(_ pattern: [Unicode.Scalar]) -> Bool {
        defer { changed.removeAll(keepingCapacity: true) }
        guard pattern.count <= Self.columns else { return false }
        return changed.contains { index in
            (0...Self.columns - pattern.count).contains { cells[index][$0..<$0 + pattern.count].elementsEqual(pattern) }
        }
    }

    // MARK: The cursor

    mutating func move(row: Int? = nil, column: Int? = nil) {
        self.row = min(max(row ?? self.row, 0), Self.rows - 1)
        self.column = min(max(column ?? self.column, 0), Self.columns - 1)
        wrapsNext = false
    }

    /// Up or down without scrolling; the region's edges hold the cursor that comes from inside it.
    mutating func step(rows: Int) {
        let top = row >= region.lowerBound ? region.lowerBound : 0
        let bottom = row <= region.upperBound ? region.upperBound : Self.rows - 1
        move(row: min(max(row &+ rows, top), bottom))
    }

    mutating func lineFeed() {
        if row == region.upperBound { scroll(up: 1) } else { move(row: row + 1) }
        wrapsNext = false
    }

    mutating func reverseLineFeed() {
        if row == region.lowerBound { scroll(down: 1, from: region.lowerBound) } else { move(row: row - 1) }
        wrapsNext = false
    }

    // MARK: Characters

    /// - Parameters:
    ///   - wraps: a character after the last column goes to the next line; else it takes the last one's place.
    ///   - inserts: what stands there and after it makes room.
    mutating func put(_ character: Unicode.Scalar, wraps: Bool, inserts: Bool) {
        if wrapsNext, wraps {
            column = 0
            lineFeed()
        }
        if inserts { insertCharacters(1) }
        cells[row][column] = character
        changed.insert(row)
        if column == Self.columns - 1 { wrapsNext = true } else { column += 1 }
    }

    mutating func erase(row: Int, columns: Range<Int>) {
        let range = columns.clamped(to: 0..<Self.columns)
        guard cells.indices.contains(row), !range.isEmpty else { return }
        for column in range { cells[row][column] = Self.blank }
        changed.insert(row)
    }

    mutating func erase(rows: Range<Int>) {
        for row in rows.clamped(to: 0..<Self.rows) { erase(row: row, columns: 0..<Self.columns) }
    }

    mutating func insertCharacters(_ count: Int) {
        let count = min(count, Self.columns - column)
        cells[row].removeLast(count)
        cells[row].insert(contentsOf: repeatElement(Self.blank, count: count), at: column)
        changed.insert(row)
        wrapsNext = false
    }

    mutating func deleteCharacters(_ count: Int) {
        let count = min(count, Self.columns - column)
        cells[row].removeSubrange(column..<column + count)
        cells[row].append(contentsOf: repeatElement(Self.blank, count: count))
        changed.insert(row)
        wrapsNext = false
    }

    // MARK: Lines

    mutating func scroll(up count: Int) { remove(count, at: region.lowerBound) }
    mutating func scroll(down count: Int, from top: Int) { insert(count, at: top) }

    /// Lines at the cursor, if it is in the region.
    mutating func insertLines(_ count: Int) {
        guard region.contains(row) else { return }
        insert(count, at: row)
        move(column: 0)
    }

    mutating func deleteLines(_ count: Int) {
        guard region.contains(row) else { return }
        remove(count, at: row)
        move(column: 0)
    }

    private mutating func remove(_ count: Int, at top: Int) {
        let count = min(count, region.upperBound - top + 1)
        guard count > 0 else { return }
        cells.removeSubrange(top..<top + count)
        cells.insert(contentsOf: repeatElement(Self.emptyRow, count: count), at: region.upperBound + 1 - count)
        changed.formUnion(top...region.upperBound)
    }

    private mutating func insert(_ count: Int, at top: Int) {
        let count = min(count, region.upperBound - top + 1)
        guard count > 0 else { return }
        cells.removeSubrange(region.upperBound + 1 - count...region.upperBound)
        cells.insert(contentsOf: repeatElement(Self.emptyRow, count: count), at: top)
        changed.formUnion(top...region.upperBound)
    }

    /// The alignment pattern: every cell an E.
    mutating func fill(_ character: Unicode.Scalar) {
        cells = Array(repeating: Row(repeating: character, count: Self.columns), count: Self.rows)
        changed.formUnion(0..<Self.rows)
    }
}
