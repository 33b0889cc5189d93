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
            isaBridge(setting),
            AML.name("_PRT", interruptTable()))
    }

    /// Each pin of each slot, wired to a PCI interrupt, which leads where its link device says.
    private static func interruptTable() -> AML.Term {
        var wires: [AML.Term] = []
        for device in AddressMap.firstFreeSlot..<32 {
            for pin in UInt8(0)..<4 {
                let link = links[AddressMap.pirq(device: device, pin: pin + 1)]
                wires.append(
                    AML.array([
                        AML.integer(UInt64(device) << 16 | 0xFFFF), AML.integer(UInt64(pin)), AML.value(link.path), AML.integer(0),
                    ]))
            }
        }
        return AML.array(wires)
    }

    private static let links: [(name: StaticString, path: StaticString, register: StaticString)] = [
        ("LNKA", "\\_SB.PCI0.ISA0.LNKA", "PRQA"), ("LNKB", "\\_SB.PCI0.ISA0.LNKB", "PRQB"),
        ("LNKC", "\\_SB.PCI0.ISA0.LNKC", "PRQC"), ("LNKD", "\\_SB.PCI0.ISA0.LNKD", "PRQD"),
    ]

    /// A PCI interrupt of the bridge: where it leads, by the bridge's register at the moment of asking, and where it might.
    ///
    /// Firmware routes them as it likes, some of it after it has read the tables.
    private static func link(_ index: Int) -> AML.Term {
        let route = AML.value(links[index].register)
        let off = AML.integer(0x80)
        return AML.device(
            links[index].name,
            AML.name("_HID", AML.hardwareID("PNP0C0F")),
            AML.name("_UID", AML.integer(UInt64(index))),
            AML.name("_PRS", AML.resources(AML.sharedInterrupt(AddressMap.pciIRQs))),
            AML.name("NOW", AML.resources(AML.sharedInterrupt([0]))),
            AML.dword("NOWI", of: AML.value("NOW"), at: AML.sharedInterruptOffset),
            AML.method("_STA", AML.when(AML.isLess(route, off), AML.answer(AML.integer(0x0B))), AML.answer(AML.integer(0x09))),
            AML.method("_DIS", AML.store(AML.or(route, off), in: route)),
            AML.method(
                "_CRS",
                AML.store(AML.integer(0), in: AML.value("NOWI")),
                AML.when(AML.isLess(route, off), AML.store(route, in: AML.value("NOWI"))),
                AML.answer(AML.value("NOW"))),
            // The name it makes is the method's own: one caller at a time.
            AML.method(
                "_SRS", arguments: 1, isSerialized: true,
                AML.dword("SETI", of: AML.argument, at: AML.sharedInterruptOffset),
                AML.store(AML.value("SETI"), in: route)))
    }

    private static func isaBridge(_ setting: ACPITables.Setting) -> AML.Term {
        AML.device(
            "ISA0",
            setting.hasHPET ? eventTimer() : [],
            AML.name("_ADR", AML.integer(UInt64(AddressMap.isaBridge.device) << 16)),
            AML.configurationBytes("PIRQ", at: UInt64(ISABridge.firstRoute), links.map(\.register)),
            link(0), link(1), link(2), link(3),
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

    private static func eventTimer() -> AML.Term {
        AML.device(
            "HPET",
            AML.name("_HID", AML.hardwareID("PNP0103")),
            AML.name("_CRS", AML.resources(AML.memory(AddressMap.hpet..<AddressMap.hpet + HPET.byteCount))))
    }

    /// Ports and memory that are taken and belong to no device.
    private static func boardResources(_ setting: ACPITables.Setting) -> AML.Term {
        let memory = setting.ecam.map { AML.memory($0) } ?? []
        return AML.device(
            "MBRD",
            AML.name("_HID", AML.hardwareID("PNP0C02")),
            AML.name("_UID", AML.integer(0)),
            AML.name(
                "_CRS",
                AML.resources(
                    AML.ports(setting.pmBase, count: UInt8(AddressMap.pmByteCount)), AML.ports(AddressMap.systemControl, count: 1),
                    memory)))
    }
}
