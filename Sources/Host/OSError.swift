internal import Glibc
package import SystemPackage

/// A system call that failed: which error, and what was being done to what.
package struct OSError: Error, Hashable, Sendable, CustomStringConvertible {
    package var code: Errno
    /// For people: "open /var/lib/x", "lock the lab's state".
    package var doing: String

    package init(_ code: Errno, _ doing: String) {
        self.code = code
        self.doing = doing
    }

    /// The calling thread's `errno`, taken at once.
    package static func current(_ doing: String) -> OSError {
        OSError(.last, doing)
    }

    package var description: String { "cannot \(doing): \(code)" }
}

/// Repeats a system call while signals interrupt it, and turns -1 into an `OSError`.
@discardableResult
package func retrying<Result: FixedWidthInteger & SignedInteger>(
    _ doing: @autoclosure () -> String, _ call: () -> Result
) throws(OSError) -> Result {
    while true {
        let result = call()
        if result != -1 { return result }
        let error = Errno.last
        if error != .interrupted { throw OSError(error, doing()) }
    }
}

extension Errno {
    /// The calling thread's `errno`, read before anything else can change it.
    package static var last: Errno { Errno(rawValue: errno) }
}
