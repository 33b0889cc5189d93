import Synchronization

/// The i8042 keyboard controller with a keyboard at rest; no mouse.
///
///     0x60  data                                    status: bit 0 output full, bit 2 system flag,
///     0x64  status read, command write                      bit 3 last write was a command, bit 4 not locked
///
/// Enough for the probes of firmware and kernels, for reset by command 0xFE, and for Ctrl-Alt-Del as a way to ask a guest to stop. Attach one port at
/// `AddressMap.keyboardData` (offset 0) and one at `AddressMap.keyboardCommand` (offset 4).
package final class KeyboardController: ByteBusDevice, ResettableDevice {
    /// Bytes that wait for the guest; a keyboard's own buffer has 16.
    private static let queueLimit = 32
    /// Keys that wait to be pressed: a person's line, not a book.
    package static let typingLimit = 1024

    private enum Config {
        static let keyboardInterrupt: UInt8 = 0x01
        static let keyboardDisabled: UInt8 = 0x10
        static let translated: UInt8 = 0x40
        /// Interrupt on, system flag, mouse off, translation on.
        static let initial: UInt8 = 0x65
    }

    private struct State {
        var config = Config.initial
        var outputPort: UInt8 = 0x03
        var lastWasCommand = true
        /// A controller command that waits for its byte at 0x60.
        var pendingCommand: UInt8?
        /// A keyboard command that waits for its byte.
        var keyboardArgument = false
        /// Answers of the controller come before those of the keyboard.
        var controllerBytes: [UInt8] = []
        var keyboardBytes: [UInt8] = []
        /// What was typed and not sent yet.
        var typed: [Keystrokes.Key] = []
        var asserted = false

        var keyboardCanSpeak: Bool { config & Config.keyboardDisabled == 0 && !keyboardBytes.isEmpty }
        var isFull: Bool { !controllerBytes.isEmpty || keyboardCanSpeak }
    }

    private let line: any InterruptLine
    private let machine: any MachineControl
    private let state = Mutex(State())

    package init(line: any InterruptLine, machine: any MachineControl) {
        self.line = line
        self.machine = machine
    }

    package func reset() {
        state.withLock { state in
            let asserted = state.asserted
            state = State()
            state.asserted = asserted
            drive(&state)
        }
    }

    /// Presses and releases Ctrl, Alt and Delete together.
    package func pressControlAltDelete() {
        state.withLock { state in
            let isTranslated = state.config & Config.translated != 0
            let codes: [UInt8] =
                isTranslated
                ? [0x1D, 0x38, 0xE0, 0x53, 0xE0, 0xD3, 0xB8, 0x9D]
                : [0x14, 0x11, 0xE0, 0x71, 0xE0, 0xF0, 0x71, 0xF0, 0x11, 0xF0, 0x14]
            type(codes, &state)
            drive(&state)
        }
    }

    /// Presses the keys of a text, each as soon as the guest has taken the one before.
    ///
    /// - Returns: false, and none is pressed, if more wait already than anybody would type.
    package func type(text: [UInt8]) -> Bool {
        state.withLock { state in
            let keys = Keystrokes.keys(text)
            guard state.typed.count + keys.count <= Self.typingLimit else { return false }
            state.typed += keys
            pressNext(&state)
            drive(&state)
            return true
        }
    }

    /// The next typed key, once the guest has taken all before it.
    private func pressNext(_ state: inout State) {
        guard state.keyboardBytes.isEmpty, !state.typed.isEmpty else { return }
        let key = state.typed.removeFirst()
        type(key.bytes(isTranslated: state.config & Config.translated != 0), &state)
    }

    package func readByte(offset: UInt64) -> UInt8 {
        state.withLock { state in
            switch offset {
            case 0:
                var value: UInt8 = 0
                if !state.controllerBytes.isEmpty {
                    value = state.controllerBytes.removeFirst()
                } else if state.keyboardCanSpeak {
                    value = state.keyboardBytes.removeFirst()
                    // The line falls between two bytes: an edge for each.
                    release(&state)
                    pressNext(&state)
                }
                drive(&state)
                return value
            case 4:
                return 0x10 | (state.isFull ? 0x01 : 0) | (state.config & 0x04) | (state.lastWasCommand ? 0x08 : 0)
            default: return 0xFF
            }
        }
    }

    package func writeByte(offset: UInt64, value: UInt8) {
        let isReset = state.withLock { state in
            var isReset = false
            switch offset {
            case 0:
                state.lastWasCommand = false
                isReset = writeData(value, &state)
            case 4:
                state.lastWasCommand = true
                isReset = command(value, &state)
            default: break
            }
            drive(&state)
            return isReset
        }
        if isReset { machine.reset(.keyboard) }
    }

    // MARK: The controller

    /// - Returns: whether the machine resets.
    private func command(_ command: UInt8, _ state: inout State) -> Bool {
        state.pendingCommand = nil
        switch command {
        case 0x20: answer(state.config, &state)
        case 0xAA:
            state.config |= 0x04
            answer(0x55, &state)
        case 0xAB: answer(0x00, &state)
        // No mouse: its clock line is stuck.
        case 0xA9: answer(0x01, &state)
        case 0xAD: state.config |= Config.keyboardDisabled
        case 0xAE: state.config &= ~Config.keyboardDisabled
        case 0xC0: answer(0x80, &state)
        case 0xD0: answer(state.outputPort | (state.isFull ? 0x10 : 0), &state)
        case 0x60, 0xD1, 0xD2, 0xD3, 0xD4: state.pendingCommand = command
        case 0xDD: state.outputPort &= ~0x02
        case 0xDF: state.outputPort |= 0x02
        // Pulses of the output port's low four lines; line 0 is the processor's reset.
        case 0xF0...0xFF: return command & 1 == 0
        default: break
        }
        return false
    }

    /// - Returns: whether the machine resets.
    private func writeData(_ value: UInt8, _ state: inout State) -> Bool {
        let command = state.pendingCommand
        state.pendingCommand = nil
        switch command {
        case 0x60: state.config = value
        case 0xD1:
            state.outputPort = value | 0x01
            return value & 1 == 0
        // What is said to come from the mouse comes back as the keyboard's, by which drivers see that there is no mouse.
        case 0xD2, 0xD3: answer(value, &state)
        case 0xD4: break
        default: keyboard(value, &state)
        }
        return false
    }

    private func answer(_ byte: UInt8, _ state: inout State) {
        if state.controllerBytes.count < Self.queueLimit { state.controllerBytes.append(byte) }
    }

    // MARK: The keyboard

    private func keyboard(_ value: UInt8, _ state: inout State) {
        if state.keyboardArgument {
            state.keyboardArgument = false
            type([0xFA], &state)
            return
        }
        // Speaking to the keyboard enables it.
        state.config &= ~Config.keyboardDisabled
        switch value {
        case 0xED, 0xF0, 0xF3:
            state.keyboardArgument = true
            type([0xFA], &state)
        case 0xEE: type([0xEE], &state)
        case 0xF2: type([0xFA, 0xAB, 0x83], &state)
        case 0xF4, 0xF5, 0xF6: type([0xFA], &state)
        case 0xFF:
            state.keyboardBytes.removeAll()
            type([0xFA, 0xAA], &state)
        default: type([0xFE], &state)
        }
    }

    /// All of the bytes or none: half a scan code is worse than a lost key.
    private func type(_ bytes: [UInt8], _ state: inout State) {
        if state.keyboardBytes.count + bytes.count <= Self.queueLimit { state.keyboardBytes += bytes }
    }

    private func drive(_ state: inout State) {
        let wanted = state.isFull && state.config & Config.keyboardInterrupt != 0
        guard wanted != state.asserted else { return }
        state.asserted = wanted
        line.setLevel(wanted)
    }

    private func release(_ state: inout State) {
        guard state.asserted else { return }
        state.asserted = false
        line.setLevel(false)
    }
}
