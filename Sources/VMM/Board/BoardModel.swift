internal import Devices

/// What firmware takes the board for, by the id of its host bridge.
///
/// Firmware at the reset vector, boot loaders and systems know an i440FX. EDK2 for Cloud Hypervisor, an ELF file that is entered by PVH, starts there too, but
/// holds drivers for the consoles of its own board only and says nothing on any other: it goes by this id alone.
package enum BoardModel: String, CaseIterable, Sendable {
    case pc
    /// The same board with Cloud Hypervisor's host bridge, and `SleepControl` where that has it; so the ACPI PM block lies elsewhere.
    case cloudHypervisor = "cloud-hypervisor"

    /// Device id of 00:00.0.
    var hostBridge: UInt16 { self == .pc ? 0x1237 : 0x0D57 }

    /// Where the ACPI PM block begins.
    package var pmBase: UInt64 { self == .pc ? AddressMap.pmBase : AddressMap.movedPMBase }
}
