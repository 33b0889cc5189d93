/// How machines are accelerated here, and why: decided once for a lab.
package struct Accelerator: Hashable, Sendable {
    package var kind: Kind
    /// One line: `machines run in carriers: /dev/kvm is an emulation (0.4 million instructions a second)`.
    package var summary: String

    package enum Kind: Hashable, Sendable {
        case kvm
        case carrier
    }

    package init(kind: Kind, summary: String) {
        self.kind = kind
        self.summary = summary
    }

    /// The better way on a host with this KVM.
    package init(for measurement: KVMMeasurement) {
        if measurement.isHardware {
            kind = .kvm
            summary = "machines run on /dev/kvm (\(Self.speed(measurement)))"
        } else {
            kind = .carrier
            summary = "machines run in carriers: " + Self.complaint(measurement)
        }
    }

    /// What speaks against `/dev/kvm`, for one line.
    private static func complaint(_ measurement: KVMMeasurement) -> String {
        switch measurement.kvm {
        case .ok: "/dev/kvm is an emulation (\(speed(measurement)))"
        case .missing: "there is no /dev/kvm"
        case .refused: "/dev/kvm may not be opened"
        case .error: "/dev/kvm does not work (\(measurement.detail))"
        }
    }

    private static func speed(_ measurement: KVMMeasurement) -> String {
        let tenths = measurement.instructionsPerSecond / 100_000
        let number = tenths >= 1000 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
        return "\(number) million instructions a second"
    }

    /// What stands in the way of `--accel kvm`; `nil` when machines start, at whatever speed.
    package static func refusal(of measurement: KVMMeasurement) -> CarrierError? {
        switch measurement.kvm {
        case .ok: nil
        case .missing:
            CarrierError(
                .hostCannot, "there is no /dev/kvm: load the kernel's kvm module, or let machines run in carriers (--accel carrier)")
        case .refused:
            CarrierError(
                .notPermitted,
                "/dev/kvm may not be opened (\(measurement.detail)): join the group that owns it (usually `adduser $USER kvm`, then log in again), or let machines run in carriers (--accel carrier)"
            )
        case .error:
            CarrierError(.hostCannot, "/dev/kvm does not work (\(measurement.detail)): let machines run in carriers (--accel carrier)")
        }
    }
}
