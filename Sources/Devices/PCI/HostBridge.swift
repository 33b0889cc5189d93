import Synchronization

/// 00:00.0, an i440FX host bridge as far as firmware and guests look: its ids decide how firmware drives the whole board.
///
/// It has another id where the board is to pass for another.
///
/// The memory attribute registers (PAM, 0x59 to 0x5F) and the rest of 0x40 to 0xFF store what they are told and change nothing: what lies at 0xC0000 to 0xFFFFF
/// is RAM at all times, into which the end of firmware's ROM is copied at reset. So firmware that unlocks its shadow, copies itself from below 4 GiB and
/// locks it again gets what it expects; a guest that writes to a locked shadow changes it, which on a PC it would not.
package final class HostBridge: PCIFunction {
    private let config: Mutex<PCIConfigSpace>

    /// - Parameter device: its id; an i440FX has 0x1237.
    package init(device: UInt16 = 0x1237) {
        var config = PCIConfigSpace(vendor: 0x8086, device: device, revision: 2, classCode: 0x060000)
        config.allowStores(in: 0x40..<0x100)
        config.seal()
        self.config = Mutex(config)
    }

    package func readConfig(offset: Int, width: AccessWidth) -> UInt32 {
        config.withLock { $0.read(offset: offset, width: width) }
    }

    package func writeConfig(offset: Int, width: AccessWidth, value: UInt32) {
        config.withLock { $0.write(offset: offset, width: width, value: value) }
    }

    package func resetFunction() {
        config.withLock { $0.reset() }
    }
}
