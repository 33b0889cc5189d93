/// What libyaml says is wrong, in words that help: where to look, and what is usually meant.
struct SyntaxAdvice {
    /// From 0. For what never ends it is its beginning.
    let position: EventParser.Position
    let message: String

    init(_ failure: EventParser.Failure, in text: Source) {
        let place = failure.position
        let scalars = Array(text.line(place.line + 1).unicodeScalars)
        let character = place.column < scalars.count ? scalars[place.column] : nil
        let isAtEnd = place.line >= text.lineCount || place.line == text.lineCount - 1 && character == nil

        func isBefore(_ left: EventParser.Position, _ right: EventParser.Position) -> Bool {
            (left.line, left.column) < (right.line, right.column)
        }
        if failure.context != nil, isAtEnd || failure.problem.contains("end of stream"), isBefore(failure.contextPosition, place) {
            position = failure.contextPosition
            message = SyntaxAdvice.unclosed[failure.context ?? ""] ?? failure.words
        } else if failure.problem == "could not find expected ':'" {
            position = failure.contextPosition
            message = "a `:` is expected after this key"
        } else if character == "}" || character == "]" {
            position = place
            message = "this \(quoted(String(character ?? " "))) closes nothing that is open here"
        } else {
            position = place
            message = SyntaxAdvice.advice[failure.problem] ?? failure.words
        }
    }

    /// By libyaml's context, for a text that ends too early.
    private static let unclosed = [
        "while parsing a flow mapping": "this `{` is never closed",
        "while parsing a flow sequence": "this `[` is never closed",
        "while scanning a quoted scalar": "this quote is never closed",
        "while scanning a simple key": "a `:` is expected after this key",
    ]

    /// By libyaml's problem.
    private static let advice = [
        "found character that cannot start any token":
            "this character cannot begin a value; a tab must become spaces, and text with `@`, `%` or a backtick wants quotes",
        "mapping values are not allowed in this context":
            "a `:` cannot stand here; is the line indented right, or does text with `: ` want quotes?",
        "did not find expected key": "a key is expected here; is the line indented like its neighbours?",
        "did not find expected node content": "a value is expected here",
        "did not find expected ',' or '}'": "a `,` or `}` is expected here; between braces, text such as `${NAME}` wants quotes",
        "did not find expected ',' or ']'": "a `,` or `]` is expected here",
        "did not find expected <document start>": "the document has ended before this; a file holds one",
        "found incompatible YAML document": "YAML of this version is not known; 1.1 and 1.2 are",
        "found unknown escape character": "this escape is not known; in single quotes a backslash is just a backslash",
    ]
}

extension EventParser.Failure {
    /// As libyaml puts it.
    fileprivate var words: String { context.map { "\(problem) (\($0))" } ?? problem }
}
