/// Something that belongs to the event loop's thread, carried through other threads unopened.
///
/// Unchecked because the compiler cannot see it: `value` is read only in blocks that `EventLoop.Remote.post` runs, and
/// those run on the loop's thread.
struct Confined<Value>: @unchecked Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
}
