/// A function's configuration as it was at one time.
struct FunctionState {
    private let function: Function
    private let values: [UInt32]

    /// The header, and for chips of the board what follows it: a virtio device has windows there that act when written.
    init(of function: Function) {
        self.function = function
        let size: UInt16 = function.vendor == Transport.vendor ? 64 : 256
        values = stride(from: 0, to: size, by: 4).map { function.read(UInt8($0)) }
    }

    /// Writes it back: addresses while nothing is decoded, the command register last.
    func restore() {
        function.write(Function.Register.command, 0)
        for (index, value) in values.enumerated() where index != 1 { function.write(UInt8(index * 4), value) }
        function.write(Function.Register.command, values[1] & 0xFFFF)
    }
}
