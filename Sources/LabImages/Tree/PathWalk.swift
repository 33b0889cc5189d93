/// The way from the root of an image along a path and along the symbolic links on it, all inside the image.
///
/// What is still to be walked is a stack of texts: the path itself at the bottom, above it the target of each symbolic link
/// that was met. Nothing recurses, so no archive can use up the program's stack.
struct PathWalk {
    private var texts: [ArraySlice<UInt8>]
    private var hops = 0

    init(_ path: ArraySlice<UInt8>) { texts = [path] }

    /// A component of the way.
    enum Step {
        case name(ArraySlice<UInt8>)
        /// `..`; `literal` when the path itself says so, and not a symbolic link.
        case up(literal: Bool)
    }

    /// The next component, or `nil` at the end. Empty components and `.` are skipped.
    mutating func next() -> Step? {
        while let text = texts.last {
            guard let start = text.firstIndex(where: { $0 != UInt8(ascii: "/") }) else {
                texts.removeLast()
                continue
            }
            let end = text[start...].firstIndex(of: UInt8(ascii: "/")) ?? text.endIndex
            let component = text[start..<end]
            texts[texts.count - 1] = text[end...]
            switch Self.special(component) {
            case .current: continue
            case .parent: return .up(literal: texts.count == 1)
            case nil: return .name(component)
            }
        }
        return nil
    }

    /// Goes on along a symbolic link. Where an absolute target starts is the caller's concern.
    mutating func follow(_ target: [UInt8]) throws(RefusedEntry) {
        hops += 1
        guard hops <= TreeLimits.symlinkHops else { throw .tooManySymlinks(limit: TreeLimits.symlinkHops) }
        texts.append(target[...])
    }

    /// The directory part of a path and the name in it; no name when the path can only mean a directory: `/`, `.`, `a/..`.
    ///
    /// Refuses what no path may be, before anything is walked.
    static func split(_ path: [UInt8]) throws(RefusedEntry) -> (directory: ArraySlice<UInt8>, name: ArraySlice<UInt8>?) {
        guard !path.isEmpty else { throw .emptyPath }
        guard path.count <= TreeLimits.pathBytes else { throw .pathTooLong(bytes: path.count, limit: TreeLimits.pathBytes) }
        var rest = path[...]
        while true {
            while rest.last == UInt8(ascii: "/") { rest.removeLast() }
            let start = rest.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? rest.startIndex
            let name = rest[start...]
            switch special(name) {
            case .current where !name.isEmpty: rest = rest[..<start]
            case .current, .parent: return (rest, nil)
            case nil:
                try check(name)
                return (rest[..<start], name)
            }
        }
    }

    /// Refuses what no name may be.
    static func check(_ name: ArraySlice<UInt8>) throws(RefusedEntry) {
        guard name.count <= TreeLimits.nameBytes else { throw .nameTooLong(bytes: name.count, limit: TreeLimits.nameBytes) }
        guard !name.contains(0) else { throw .nulInPath }
    }

    private enum Special { case current, parent }

    private static func special(_ component: ArraySlice<UInt8>) -> Special? {
        switch component.count {
        case 0: .current
        case 1: component.first == UInt8(ascii: ".") ? .current : nil
        case 2: component.first == UInt8(ascii: ".") && component.last == UInt8(ascii: ".") ? .parent : nil
        default: nil
        }
    }
}
