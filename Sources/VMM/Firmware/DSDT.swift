internal import Devices

/// What the board is, in ACPI's own language: the PCI root with its windows and wires, the ISA devices, soft off.
///
/// The power button is the fixed-hardware one (FADT flag PWR_BUTTON clear), so there is no PNP0C0C device that would never be notified.
enum DSDT {
    static func terms(_ setting: ACPITables.Setting) -> AML.Term {
        let sleep = AML.integer(UInt64(AddressMap.sleepTypeS5))
        return AML.name("\\_S5", AML.array([sleep, sleep, AML.integer(0), AML.integer(0)]))
            + AML.scope("\\_SB", pciRoot(setting), boardResources(setting))
    }

    private static func pciRoot(_ setting: ACPITables.Setting) -> AML.Term {
        AML.device(
            "PCI0",
            AML.name("_HID", AML.hardwareID("PNP0A03")),
            AML.name("_BBN", AML.integer(0)),
            AML.name("_UID", AML.integer(0)),
            AML.name(
                "_CRS",
                AML.resources(
                    AML.busNumbers(0...0),
                    AML.ports(AddressMap.pciConfig, count: 8),
                    AML.portWindow(0...0x0CF7),
                    AML.portWindow(0x0D00...0xFFFF),
                    AML.memoryWindow(setting.pciMemory))),
            AML.name("_PRT", interruptTable(setting.pirqRoutes)),
            isaBridge())
    }

    /// Each pin of each slot, wired to a line for good.
    private static func interruptTable(_ routes: [UInt32]) -> AML.Term {
        var wires: [AML.Term] = []
        for device in AddressMap.firstFreeSlot..<32 {
            for pin in UInt8(0)..<4 {
                let line = routes[AddressMap.pirq(device: device, pin: pin + 1)]
                wires.append(
                    AML.array([
                        AML.integer(UInt64(device) << 16 | 0xFFFF), AML.integer(UInt64(pin)), AML.integer(0), AML.integer(UInt64(line)),
                    ]))
            }
        }
        return AML.array(wires)
    }

    private static func isaBridge() -> AML.Term {
        AML.device(
            "ISA0",
            AML.name("_ADR", AML.integer(UInt64(AddressMap.isaBridge.device) << 16)),
            AML.device(
                "COM1",
                AML.name("_HID", AML.hardwareID("PNP0501")),
                AML.name("_UID", AML.integer(1)),
                AML.name("_CRS", AML.resources(AML.ports(AddressMap.com1, count: 8), AML.interrupt(AddressMap.com1IRQ)))),
            AML.device(
                "KBD0",
                AML.name("_HID", AML.hardwareID("PNP0303")),
                AML.name(
                    "_CRS",
                    AML.resources(
                        AML.ports(AddressMap.keyboardData, count: 1), AML.ports(AddressMap.keyboardCommand, count: 1),
                        AML.interrupt(AddressMap.keyboardIRQ)))),
            AML.device(
                "RTC0",
                AML.name("_HID", AML.hardwareID("PNP0B00")),
                AML.name("_CRS", AML.resources(AML.ports(AddressMap.cmos, count: 2), AML.interrupt(AddressMap.rtcIRQ)))))
    }

    /// Ports that are taken and belong to no device.
    private static func boardResources(_ setting: ACPITables.Setting) -> AML.Term {
        AML.device(
            "MBRD",
            AML.name("_HID", AML.hardwareID("PNP0C02")),
            AML.name("_UID", AML.integer(0)),
            AML.name(
                "_CRS",
                AML.resources(
                    AML.ports(setting.pmBase, count: UInt8(AddressMap.pmByteCount)), AML.ports(AddressMap.systemControl, count: 1))))
    }
}
