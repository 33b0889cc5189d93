import Synchronization

/// 00:01.1, the IDE function of a PIIX3: two channels at their legacy ports, and the registers of its bus master.
///
///     0x04  command: bit 0 opens all ports, bit 2 lets the bus master reach memory
///     0x20  BAR4: 16 ports, 8 a channel: `BusMaster`
///     0x40  IDETIM, 16 bits a channel: bit 15 opens the channel's ports; the timings mean nothing here
///
/// The programming interface (0x80) says: both channels in compatibility mode, with a bus master (PCI IDE Controller Specification 1.0, section 2;
/// Programming Interface for Bus Master IDE Controller 1.0, section 3). So there is no interrupt pin: the channels have IRQ 14 and 15 to themselves. After
/// reset IDETIM opens both channels, for guests without firmware that knows the register.
package final class IDEController: PCIFunction, ByteBusDevice {
    private struct State {
        var config: PCIConfigSpace
        var window: PCIWindow
        /// Whether the ports of each channel are open.
        var isOpen = [false, false]
    }

    package let channels: [IDEChannel]
    private let ports: Bus
    private let state: Mutex<State>

    private static let timing = 0x40
    /// Ports of BAR4 that belong to one channel.
    private static let masterPorts: UInt64 = 8

    /// - Parameters:
    ///   - channels: the primary and the secondary one.
    ///   - ports: where the controller opens and closes their ports; nobody else does.
    package init(channels: [IDEChannel], ports: Bus) {
        precondition(channels.count == 2)
        self.channels = channels
        self.ports = ports
        var config = PCIConfigSpace(vendor: 0x8086, device: 0x7010, revision: 0, classCode: 0x010180)
        let window = PCIWindow(4, count: 2 * Self.masterPorts, .ports, in: &config)
        config.allowStores(in: 0x40..<0x100)
        for channel in 0..<2 { config.set16(Self.timing + 2 * channel, 0x8000, writable: 0xFFFF) }
        config.seal()
        state = Mutex(State(config: config, window: window))
    }

    // MARK: BAR4

    package func readByte(offset: UInt64) -> UInt8 {
        guard let channel = Int(exactly: offset / Self.masterPorts), channels.indices.contains(channel) else { return 0xFF }
        return channels[channel].readMaster(offset % Self.masterPorts)
    }

    package func writeByte(offset: UInt64, value: UInt8) {
        guard let channel = Int(exactly: offset / Self.masterPorts), channels.indices.contains(channel) else { return }
        channels[channel].writeMaster(offset % Self.masterPorts, value)
    }

    // MARK: Configuration space

    package func readConfig(offset: Int, width: AccessWidth) -> UInt32 {
        state.withLock { $0.config.read(offset: offset, width: width) }
    }

    package func writeConfig(offset: Int, width: AccessWidth, value: UInt32) {
        state.withLock { state in
            state.config.write(offset: offset, width: width, value: value)
            if state.window.isTouched(by: offset, width) || offset & ~3 == Self.timing { follow(&state) }
        }
    }

    package func placeWindows(in space: inout PCISpace) {
        state.withLock { state in
            guard let place = space.takePorts(state.window.count) else { return }
            state.window.point(at: place, in: &state.config)
            let command = PCIConfigSpace.Command.portDecode | PCIConfigSpace.Command.busMaster
            state.config.write(offset: PCIConfigSpace.Register.command, width: .two, value: UInt32(command))
            follow(&state)
        }
    }

    package func resetFunction() {
        for channel in channels { channel.reset() }
        state.withLock { state in
            state.config.reset()
            follow(&state)
        }
    }

    /// Makes the ports and the right to reach memory follow the registers.
    private func follow(_ state: inout State) {
        _ = state.window.follow(state.config, on: ports, for: self)
        let command = state.config.command
        for (index, channel) in channels.enumerated() {
            let isWanted =
                command & PCIConfigSpace.Command.portDecode != 0 && state.config.word(Self.timing + 2 * index) & 0x8000 != 0
            if isWanted != state.isOpen[index] {
                state.isOpen[index] = isWanted ? open(index) : close(index)
            }
            channel.setMaster(command & PCIConfigSpace.Command.busMaster != 0)
        }
    }

    /// - Returns: whether both windows are there now.
    private func open(_ index: Int) -> Bool {
        let channel = channels[index]
        let command = AddressMap.ideCommands[index]
        guard (try? ports.attach(channel, at: command, count: 8)) != nil else { return false }
        guard (try? ports.attach(channel, at: AddressMap.ideControls[index], count: 1, offset: IDEChannel.control)) != nil else {
            ports.detach(channel, at: command)
            return false
        }
        return true
    }

    private func close(_ index: Int) -> Bool {
        ports.detach(channels[index], at: AddressMap.ideCommands[index])
        ports.detach(channels[index], at: AddressMap.ideControls[index])
        return false
    }
}
