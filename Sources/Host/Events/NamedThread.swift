internal import CLinux
internal import Glibc
internal import SystemPackage

/// A thread of our own with a name that `top -H` and debuggers show; never one of the cooperative pool.
package struct NamedThread: ~Copyable {
    private let handle: pthread_t

    /// Starts a thread. The name is cut to the kernel's 15 bytes.
    package init(_ name: String, _ body: @escaping @Sendable () -> Void) throws(OSError) {
        let start = unsafe Unmanaged.passRetained(Start(name: name, body: body))
        var handle = pthread_t()
        // Safe because the new thread takes over the retained box exactly once.
        let result = unsafe pthread_create(
            &handle, nil,
            { argument in
                guard let argument = unsafe argument else { return nil }
                let start = unsafe Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                _ = unsafe pthread_setname_np(pthread_self(), String(decoding: start.name.utf8.prefix(15), as: UTF8.self))
                start.body()
                return nil
            }, start.toOpaque())
        guard result == 0 else {
            unsafe start.release()
            throw OSError(Errno(rawValue: result), "start thread \(name)")
        }
        self.handle = handle
    }

    /// Waits for the thread's end.
    package consuming func join() {
        _ = pthread_join(handle, nil)
    }

    /// Lets the thread run to its end unwatched.
    package consuming func detach() {
        _ = pthread_detach(handle)
    }

    /// Makes a blocking system call of that thread return with EINTR (its handler does nothing).
    package borrowing func signal(_ number: CInt) {
        _ = pthread_kill(handle, number)
    }

    private final class Start: Sendable {
        let name: String
        let body: @Sendable () -> Void

        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }
}
